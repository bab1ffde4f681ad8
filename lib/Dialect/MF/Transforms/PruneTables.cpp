// mf-prune-tables: rows of tables that a text hardly used leave the parameter file.
#include "ParameterUses.h"
#include "UseCounts.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::mf {
#define GEN_PASS_DEF_PRUNETABLESPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

#define DEBUG_TYPE "mf-prune-tables"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// The pruning of one module.
class TablePruning {
public:
  TablePruning(ModuleOp module, UseCounts counts, int64_t atMost)
      : module(module), parameters(module), counts(std::move(counts)), atMost(atMost) {}

  LogicalResult run();
  unsigned getNumPruned() const { return masks.size(); }
  int64_t getNumDroppedRows() const { return numDropped; }

private:
  bool canPrune(LookupOp op);
  FailureOr<DenseElementsAttr> findMask(ParameterOp parameter);
  LogicalResult findMasks();
  bool keepsLess(LookupOp op);
  void keepSharedParameters();
  ParameterOp getMap(ParameterOp tables, DenseElementsAttr kept);
  void mapCodes(LookupOp op);
  void dropRows(ParameterOp parameter, DenseElementsAttr kept);

  ModuleOp module;
  ParameterValues parameters;
  UseCounts counts;
  int64_t atMost;
  /// The lookups whose tables lose rows.
  llvm::SetVector<LookupOp> lookups;
  /// The rows that each of their parameters keeps.
  llvm::MapVector<ParameterOp, DenseElementsAttr> masks;
  /// The parameter of the map of each mask.
  DenseMap<Attribute, ParameterOp> maps;
  int64_t numDropped = 0;
};
} // namespace

static void remarkKept(LookupOp op, StringRef why) {
  remark::missed(op.getLoc(), remark::RemarkOpts::name("PruneTables").category(DEBUG_TYPE)) << "kept: " << why;
}

/// Whether all tables are parameters of floats as they are in their files, and no other op reads them.
bool TablePruning::canPrune(LookupOp op) {
  if (!op.hasPureTensorSemantics() || op.getLayoutAttr() || op.isQuantized())
    return false;
  return llvm::all_of(op.getTables(), [&](Value tables) {
    ParameterOp parameter = parameters.getParameter(tables);
    if (!parameter || parameter.getLayoutAttr() || isa<QuantizedAttr, RoundedAttr, KeptRowsAttr>(parameter.getSource()))
      return false;
    return llvm::all_of(parameters.getValues(parameter), [](GetParameterOp value) {
      return llvm::all_of(value->getUses(), [](OpOperand &use) {
        auto user = dyn_cast<LookupOp>(use.getOwner());
        return user && llvm::is_contained(getLaidOutOperands(user), &use);
      });
    });
  });
}

FailureOr<DenseElementsAttr> TablePruning::findMask(ParameterOp parameter) {
  auto type = cast<RankedTensorType>(parameter.getType());
  auto found = counts.find(parameter.getSymName());
  if (found == counts.end())
    return parameter.emitOpError("expects counts of its rows; the file has none under this name");
  const TableCounts &uses = found->second;
  int64_t tables = type.getDimSize(0), rows = type.getDimSize(1);
  if (static_cast<int64_t>(uses.size()) != tables)
    return parameter.emitOpError("expects counts of ") << tables << " tables, found " << uses.size();
  SmallVector<bool> kept(tables * rows, false);
  for (auto [table, counted] : llvm::enumerate(uses)) {
    if (static_cast<int64_t>(counted.size()) > rows)
      return parameter.emitOpError("expects counts of at most ")
             << rows << " rows of a table, found " << counted.size() << " for table " << table;
    for (auto [row, count] : llvm::enumerate(counted))
      kept[table * rows + row] = count > atMost;
  }
  return DenseElementsAttr::get(RankedTensorType::get({tables, rows}, IntegerType::get(module.getContext(), 1)), kept);
}

LogicalResult TablePruning::findMasks() {
  for (LookupOp op : lookups)
    for (Value tables : op.getTables()) {
      ParameterOp parameter = parameters.getParameter(tables);
      if (masks.count(parameter))
        continue;
      FailureOr<DenseElementsAttr> mask = findMask(parameter);
      if (failed(mask))
        return failure();
      masks[parameter] = *mask;
    }
  return success();
}

/// Whether the tables, which share their codes, keep the same rows, and not nearly all of them.
bool TablePruning::keepsLess(LookupOp op) {
  DenseElementsAttr first;
  for (Value tables : op.getTables()) {
    DenseElementsAttr mask = masks.lookup(parameters.getParameter(tables));
    if (!mask || (first && mask != first))
      return remarkKept(op, "its sets of tables do not keep the same rows"), false;
    first = mask;
  }
  // The row of zeros takes the place of one.
  if (llvm::count(first.getValues<bool>(), false) < 2)
    return remarkKept(op, "fewer than two rows would go"), false;
  return true;
}

/// Parameters that a lookup without pruning reads keep their rows, and so on.
void TablePruning::keepSharedParameters() {
  bool changed = true;
  while (changed) {
    changed = false;
    masks.remove_if([&](auto &entry) {
      bool isRead = llvm::all_of(parameters.getValues(entry.first), [&](GetParameterOp value) {
        return llvm::all_of(value->getUsers(), [&](Operation *user) { return lookups.contains(cast<LookupOp>(user)); });
      });
      changed |= !isRead;
      return !isRead;
    });
    SmallVector<LookupOp> kept;
    for (LookupOp op : lookups)
      if (!keepsLess(op))
        kept.push_back(op);
    for (LookupOp op : kept)
      changed |= lookups.remove(op);
  }
}

/// Declares the map of a mask behind the first tables that have it.
ParameterOp TablePruning::getMap(ParameterOp tables, DenseElementsAttr kept) {
  ParameterOp &map = maps[kept];
  if (map)
    return map;
  OpBuilder b(module.getContext());
  b.setInsertionPointAfter(tables);
  int64_t rows = llvm::count(kept.getValues<bool>(), true);
  Type element = b.getIntegerType(rows > std::numeric_limits<uint16_t>::max() ? 32 : 16);
  auto type = RankedTensorType::get(kept.getType().getShape(), element);
  map = ParameterOp::create(b, tables.getLoc(), (tables.getSymName() + ".rows").str(), type,
                            RowMapAttr::get(b.getContext(), kept), LayoutAttrInterface(), IntegerAttr());
  if (Attribute block = tables->getAttr("mf.block"))
    map->setAttr("mf.block", block);
  // Gives it another name where there is one of this.
  parameters.getSymbols().insert(map);
  return map;
}

void TablePruning::mapCodes(LookupOp op) {
  ParameterOp tables = parameters.getParameter(op.getTables().front());
  ParameterOp map = getMap(tables, masks.lookup(tables));
  OpBuilder b(op);
  b.setInsertionPointAfterValue(op.getCodes());
  Location loc = op.getLoc();
  Value value = GetParameterOp::create(b, loc, map.getType(), map.getSymName());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, loc, op.getCodes());
  Value init = tensor::EmptyOp::create(b, loc, sizes, cast<RankedTensorType>(map.getType()).getElementType());
  auto rows = MapCodesOp::create(b, loc, init.getType(), op.getCodes(), value, init, StrategyAttrInterface());
  op.getCodesMutable().assign(rows.getResult(0));
}

void TablePruning::dropRows(ParameterOp parameter, DenseElementsAttr kept) {
  auto source = KeptRowsAttr::get(module.getContext(), parameter.getSource(), kept);
  auto type = cast<RankedTensorType>(parameter.getType());
  parameter.setSourceAttr(source);
  parameter.setType(type.clone({1, source.getNumKept() + 1, type.getDimSize(2)}));
  parameters.updateTypes(parameter);
  numDropped += source.getNumRows() - source.getNumKept();
  remark::passed(parameter.getLoc(), remark::RemarkOpts::name("PruneTables").category(DEBUG_TYPE))
      << std::to_string(source.getNumKept()) << " of " << std::to_string(source.getNumRows()) << " rows kept";
}

LogicalResult TablePruning::run() {
  module.walk([&](LookupOp op) {
    if (canPrune(op))
      lookups.insert(op);
    else
      remarkKept(op, "its tables have a layout, converted elements or another use");
  });
  if (failed(findMasks()))
    return failure();
  keepSharedParameters();
  for (LookupOp op : lookups)
    mapCodes(op);
  for (auto [parameter, kept] : masks)
    dropRows(parameter, kept);
  return success();
}

namespace {
struct PruneTablesPass : public mf::impl::PruneTablesPassBase<PruneTablesPass> {
  using PruneTablesPassBase::PruneTablesPassBase;

  void runOnOperation() override {
    auto emitError = [&] { return getOperation().emitError("mf-prune-tables: "); };
    if (atMost < 0)
      return emitError() << "expects at-most to be 0 or more, found " << atMost.getValue(), signalPassFailure();
    llvm::Expected<UseCounts> read = readUseCounts(counts);
    if (!read)
      return emitError() << llvm::toString(read.takeError()), signalPassFailure();
    TablePruning pruning(getOperation(), std::move(*read), atMost);
    if (failed(pruning.run()))
      return signalPassFailure();
    numPruned += pruning.getNumPruned();
    numDroppedRows += pruning.getNumDroppedRows();
  }
};
} // namespace
