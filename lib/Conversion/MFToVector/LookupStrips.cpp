// The lookup of tables in strips. Many tokens: blocks of tables stay in the second-level cache while all tokens pass,
// sums wait in scratch between the blocks. Few tokens: one after the other, sums in registers, rows prefetched. Both
// add the tables in ascending order (integers: exactly), so that they give the same bits.
#include "Kernels.h"
#include "StripSums.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::mf;

/// Tables whose rows are added together.
static constexpr int64_t group = 4;

namespace {
/// Builds the kernel of one op.
struct StripKernel {
  LookupOp op;
  CPUStripsAttr strategy;
  StripSums strips;
  KernelBuilder &kb = strips.kb;
  SmallVector<StripSet> sets = {};

  /// Tables that a token's gather asks for before it adds them, in whole groups.
  int64_t getGatherAhead() { return std::min(strategy.getGatherAhead(), strips.getNumTables()) / group * group; }
  void buildBlock(const StripSet &set, Value table, int64_t count, bool isFirst, bool isLast);
  void buildManyTokens(const StripSet &set);
  void prefetchTables(Value tables, Value token, Value table, int64_t count, bool toFirstLevel);
  void prefetchGathered(Value tables, Value token, Value table);
  SmallVector<Value> addToAll(Value token, Value table, int64_t count, ValueRange sums);
  void buildOneToken(const StripSet &set, Value token, Value nextTables);
  void build();
};
} // namespace

//===----------------------------------------------------------------------===//
// Many tokens
//===----------------------------------------------------------------------===//

/// `count` tables from `table` on, for all tokens.
void StripKernel::buildBlock(const StripSet &set, Value table, int64_t count, bool isFirst, bool isLast) {
  Value tokens = kb.dim(op.getCodes(), 0), lastToken = kb.addIndex(tokens, -1);
  // The rows of the next block are spread over the tokens. Rows of adjacent tables and strips are adjacent.
  int64_t blockRows = strategy.getTables() * strips.getTableRows();
  Value rowsPerToken = kb.builder().createOrFold<arith::CeilDivUIOp>(op.getLoc(), kb.index(blockRows), tokens);
  Value nextTable = kb.addIndex(table, count);
  if (strips.hasCopies())
    strips.readCopies(kb.divIndex(table, strategy.getTables()), table);
  kb.loopOver(tokens, [&](Value token) {
    Value firstRow = kb.builder().createOrFold<arith::MulIOp>(op.getLoc(), token, rowsPerToken);
    kb.loop(firstRow, kb.minIndex(kb.addIndex(firstRow, rowsPerToken), kb.index(blockRows)), 1,
            [&](Value row) { strips.prefetchBlockRow(set.tables, nextTable, row); });
    if (strategy.getAhead() > 0)
      prefetchTables(set.tables, kb.minIndex(kb.addIndex(token, strategy.getAhead()), lastToken), table, count,
                     /*toFirstLevel=*/true);
    SmallVector<SmallVector<Value>> sums;
    for (const SubStrip &part : strips.getParts()) {
      SmallVector<Value> before = isFirst ? strips.initialSums(part) : strips.loadSums(part, token);
      sums.push_back(strips.addTables(part, token, table, count, before));
      if (!isLast)
        strips.storeSums(part, token, sums.back());
    }
    if (isLast)
      strips.finish(token, sums);
  });
}

void StripKernel::buildManyTokens(const StripSet &set) {
  int64_t block = strategy.getTables(), tables = strips.getNumTables(), blocks = llvm::divideCeil(tables, block);
  int64_t lastTable = (blocks - 1) * block;
  if (blocks > 1)
    buildBlock(set, kb.index(0), block, /*isFirst=*/true, /*isLast=*/false);
  if (blocks > 2)
    kb.loop(kb.index(block), kb.index(lastTable), block,
            [&](Value table) { buildBlock(set, table, block, /*isFirst=*/false, /*isLast=*/false); });
  buildBlock(set, kb.index(lastTable), tables - lastTable, /*isFirst=*/blocks == 1, /*isLast=*/true);
  strips.readOperands();
}

//===----------------------------------------------------------------------===//
// Few tokens
//===----------------------------------------------------------------------===//

/// The rows of `count` tables from `table` on.
void StripKernel::prefetchTables(Value tables, Value token, Value table, int64_t count, bool toFirstLevel) {
  for (int64_t k = 0; k < count; ++k) {
    Value number = kb.addIndex(table, k);
    strips.prefetchRow(tables, number, strips.getCode(token, number), toFirstLevel);
  }
}

/// Rows from memory go to the second-level cache, which waits for more lines at a time than the first (a Zen 4 reads
/// rows of 128 bytes a quarter faster so).
void StripKernel::prefetchGathered(Value tables, Value token, Value table) {
  prefetchTables(tables, token, table, group, /*toFirstLevel=*/false);
}

/// Adds tables to the sums of all parts, which follow one another.
SmallVector<Value> StripKernel::addToAll(Value token, Value table, int64_t count, ValueRange sums) {
  SmallVector<Value> next;
  for (const SubStrip &part : strips.getParts()) {
    size_t size = strips.getNumSums(part);
    llvm::append_range(next, strips.addTables(part, token, table, count, sums.take_front(size)));
    sums = sums.drop_front(size);
  }
  return next;
}

/// `nextTables`, which may be null, is read next, with the same codes.
void StripKernel::buildOneToken(const StripSet &set, Value token, Value nextTables) {
  int64_t tables = strips.getNumTables(), ahead = getGatherAhead();
  int64_t grouped = tables / group * group, split = grouped - ahead;
  SmallVector<Value> sums;
  for (const SubStrip &part : strips.getParts())
    llvm::append_range(sums, strips.initialSums(part));
  sums = kb.loop(kb.index(0), kb.index(split), group, sums, [&](Value table, ValueRange sums) {
    prefetchGathered(set.tables, token, kb.addIndex(table, ahead));
    return addToAll(token, table, group, sums);
  });
  sums = kb.loop(kb.index(split), kb.index(grouped), group, sums, [&](Value table, ValueRange sums) {
    if (nextTables)
      prefetchGathered(nextTables, token, kb.addIndex(table, -split));
    return addToAll(token, table, group, sums);
  });
  if (grouped < tables)
    sums = addToAll(token, kb.index(grouped), tables - grouped, sums);
  SmallVector<SmallVector<Value>> sumsOfParts;
  ValueRange rest(sums);
  for (const SubStrip &part : strips.getParts()) {
    sumsOfParts.emplace_back(rest.take_front(strips.getNumSums(part)));
    rest = rest.drop_front(strips.getNumSums(part));
  }
  strips.finish(token, sumsOfParts);
}

void StripKernel::build() {
  Value tokens = kb.dim(op.getCodes(), 0), count = kb.dim(sets.front().tables, 0);
  Value isFew = arith::CmpIOp::create(kb.builder(), op.getLoc(), arith::CmpIPredicate::slt, tokens,
                                      kb.index(strategy.getGatherTokens()));
  auto buildFew = [&](Value strip) {
    kb.loopOver(tokens, [&](Value token) {
      strips.select(sets.front(), strip);
      kb.loop(kb.index(0), kb.index(getGatherAhead()), group,
              [&](Value table) { prefetchGathered(sets.front().tables, token, table); });
      for (auto [i, set] : llvm::enumerate(sets)) {
        strips.select(set, strip);
        strips.prefetchColumns();
        buildOneToken(set, token, i + 1 < sets.size() ? sets[i + 1].tables : Value());
      }
    });
  };
  auto buildMany = [&](Value strip) {
    if (strips.hasCopies())
      strips.copyCodes();
    for (const StripSet &set : sets) {
      strips.select(set, strip);
      buildManyTokens(set);
    }
  };
  kb.ifThenElse(
      isFew, [&] { kb.loopOver(count, buildFew); }, [&] { kb.loopOver(count, buildMany); });
}

void mf::lowerLookupStrips(LookupOp op, CPUStripsAttr strategy) {
  StripKernel kernel{op, strategy, StripSums(op, strategy.getLanes())};
  for (auto [i, init] : llvm::enumerate(op.getInits()))
    kernel.sets.push_back({op.getTables()[i], op.getBiases().empty() ? Value() : op.getBiases()[i],
                           op.isQuantized() ? op.getTableScales()[i] : Value(), init});
  kernel.build();
}
