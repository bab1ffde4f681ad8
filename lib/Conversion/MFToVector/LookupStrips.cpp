// The lookup of tables in strips. Many tokens: a part of the rows of a block of tables stays in the second-level cache
// while all tokens pass, the next part is on its way, sums wait in scratch between the blocks. Few tokens: one after
// the other, sums in registers, rows prefetched. Both add the tables in ascending order (integers: exactly), so that
// they give the same bits.
#include "Kernels.h"
#include "StripSums.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::mf;

/// Tables whose rows are added together.
static constexpr int64_t group = 4;

namespace {
/// What is read after the pass in hand: some elements of all rows of a block of tables.
struct NextPass {
  Value tables, strip, table;
  Piece elements;
};

/// Builds the kernel of one op.
struct StripKernel {
  LookupOp op;
  CPUStripsAttr strategy;
  StripSums strips;
  KernelBuilder &kb = strips.kb;
  SmallVector<StripSet> sets = {};

  /// Tables that a token's gather asks for before it adds them, in whole groups.
  int64_t getGatherAhead() { return std::min(strategy.getGatherAhead(), strips.getNumTables()) / group * group; }
  /// The first table of the last block.
  int64_t getLastBlock() { return (strips.getNumTables() - 1) / strategy.getTables() * strategy.getTables(); }
  bool isLastBlock(Value table) { return getConstantIntValue(table) == getLastBlock(); }
  void prefetchNext(const NextPass &next, Value token, Value tokens);
  void buildPass(const StripSet &set, const StripPass &pass, Value table, int64_t count, const NextPass &next);
  NextPass getNextPass(size_t set, Value strip, const StripPass &pass, Value table);
  void buildBlock(size_t set, Value strip, Value table, int64_t count);
  void buildManyTokens(size_t set, Value strip);
  void prefetchTables(Value tables, Value token, Value table, int64_t count, Piece elements, bool toFirstLevel);
  void prefetchGathered(Value tables, Value token, Value table);
  SmallVector<Value> addToAll(Value token, Value table, int64_t count, ValueRange sums);
  void buildOneToken(const StripSet &set, Value token, Value nextTables);
  void build();
};
} // namespace

//===----------------------------------------------------------------------===//
// Many tokens
//===----------------------------------------------------------------------===//

/// Spreads what the next pass reads over the tokens of this one. With few tokens, those rows that their codes name.
void StripKernel::prefetchNext(const NextPass &next, Value token, Value tokens) {
  OpBuilder &b = kb.builder();
  int64_t rows = strategy.getTables() * strips.getTableRows();
  Value named =
      arith::CmpIOp::create(b, op.getLoc(), arith::CmpIPredicate::slt, tokens, kb.index(strategy.getNamedTokens()));
  auto prefetchNamed = [&] {
    Value block = kb.divIndex(next.table, strategy.getTables());
    Value end = kb.minIndex(kb.addIndex(next.table, strategy.getTables()), kb.index(strips.getNumTables()));
    kb.loop(next.table, end, 1, [&](Value table) {
      Value row = strips.getCodeOfBlock(block, next.table, token, table);
      strips.prefetchRowOf(next.tables, next.strip, table, row, next.elements);
    });
  };
  auto prefetchAll = [&] {
    Value rowsPerToken = b.createOrFold<arith::CeilDivUIOp>(op.getLoc(), kb.index(rows), tokens);
    Value first = b.createOrFold<arith::MulIOp>(op.getLoc(), token, rowsPerToken);
    kb.loop(first, kb.minIndex(kb.addIndex(first, rowsPerToken), kb.index(rows)), 1,
            [&](Value row) { strips.prefetchBlockRow(next.tables, next.strip, next.table, row, next.elements); });
  };
  kb.ifThenElse(named, prefetchNamed, prefetchAll);
}

/// Some elements of `count` tables from `table` on, for all tokens.
void StripKernel::buildPass(const StripSet &set, const StripPass &pass, Value table, int64_t count,
                            const NextPass &next) {
  Value tokens = kb.dim(op.getCodes(), 0), lastToken = kb.addIndex(tokens, -1);
  bool isFirst = getConstantIntValue(table) == 0, isLast = isLastBlock(table);
  kb.loopOver(tokens, [&](Value token) {
    prefetchNext(next, token, tokens);
    if (strategy.getAhead() > 0)
      prefetchTables(set.tables, kb.minIndex(kb.addIndex(token, strategy.getAhead()), lastToken), table, count,
                     pass.elements, /*toFirstLevel=*/true);
    SmallVector<SmallVector<Value>> sums;
    for (const SubStrip &part : pass.parts) {
      SmallVector<Value> before = isFirst ? strips.initialSums(part) : strips.loadSums(pass, part, token);
      sums.push_back(strips.addTables(part, token, table, count, before));
      if (!isLast)
        strips.storeSums(pass, part, token, sums.back());
    }
    if (isLast)
      strips.finish(pass.parts, token, sums);
  });
}

/// The next part of the same rows, then of the next block, then of the next set, then of the strip that the same thread
/// is likely to get next.
NextPass StripKernel::getNextPass(size_t set, Value strip, const StripPass &pass, Value table) {
  ArrayRef<StripPass> passes = strips.getPasses();
  if (pass.number + 1 < static_cast<int64_t>(passes.size()))
    return {sets[set].tables, strip, table, passes[pass.number + 1].elements};
  Piece first = passes.front().elements;
  if (!isLastBlock(table))
    return {sets[set].tables, strip, kb.addIndex(table, strategy.getTables()), first};
  if (set + 1 < sets.size())
    return {sets[set + 1].tables, strip, kb.index(0), first};
  return {sets.front().tables, kb.addIndex(strip, 1), kb.index(0), first};
}

void StripKernel::buildBlock(size_t set, Value strip, Value table, int64_t count) {
  for (const StripPass &pass : strips.getPasses()) {
    NextPass next = getNextPass(set, strip, pass, table);
    if (strips.hasCopies())
      strips.readCopies(kb.divIndex(table, strategy.getTables()), table);
    buildPass(sets[set], pass, table, count, next);
  }
}

void StripKernel::buildManyTokens(size_t set, Value strip) {
  int64_t block = strategy.getTables(), tables = strips.getNumTables(), lastTable = getLastBlock();
  strips.select(sets[set], strip);
  if (lastTable > 0)
    buildBlock(set, strip, kb.index(0), block);
  if (lastTable > block)
    kb.loop(kb.index(block), kb.index(lastTable), block, [&](Value table) { buildBlock(set, strip, table, block); });
  buildBlock(set, strip, kb.index(lastTable), tables - lastTable);
  strips.readOperands();
}

//===----------------------------------------------------------------------===//
// Few tokens
//===----------------------------------------------------------------------===//

/// Elements of the rows of `count` tables from `table` on.
void StripKernel::prefetchTables(Value tables, Value token, Value table, int64_t count, Piece elements,
                                 bool toFirstLevel) {
  for (int64_t k = 0; k < count; ++k) {
    Value number = kb.addIndex(table, k);
    strips.prefetchRow(tables, number, strips.getCode(token, number), elements, toFirstLevel);
  }
}

/// Rows from memory go to the second-level cache, which waits for more lines at a time than the first (a Zen 4 reads
/// rows of 128 bytes a quarter faster so).
void StripKernel::prefetchGathered(Value tables, Value token, Value table) {
  prefetchTables(tables, token, table, group, strips.getWholeRow(), /*toFirstLevel=*/false);
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
  strips.finish(strips.getParts(), token, sumsOfParts);
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
    for (size_t set = 0; set < sets.size(); ++set)
      buildManyTokens(set, strip);
  };
  kb.ifThenElse(
      isFew, [&] { kb.loopOver(count, buildFew); }, [&] { kb.loopOver(count, buildMany); });
}

void mf::lowerLookupStrips(LookupOp op, CPUStripsAttr strategy) {
  StripKernel kernel{op, strategy, StripSums(op, strategy)};
  for (auto [i, init] : llvm::enumerate(op.getInits()))
    kernel.sets.push_back({op.getTables()[i], op.getBiases().empty() ? Value() : op.getBiases()[i],
                           op.isQuantized() ? op.getTableScales()[i] : Value(), init});
  kernel.build();
}
