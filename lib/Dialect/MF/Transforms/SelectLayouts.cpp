// mf-select-layouts: how tables and weights lie in the parameter file.
#include "ParameterUses.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::mf {
#define GEN_PASS_DEF_SELECTLAYOUTSPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

#define DEBUG_TYPE "mf-select-layouts"

using namespace mlir;
using namespace mlir::mf;

namespace {
/// The choice of layouts for one module.
class LayoutSelection {
public:
  LayoutSelection(ModuleOp module, int64_t stripColumns, int64_t panelColumns)
      : module(module), parameters(module), stripColumns(stripColumns), panelColumns(panelColumns) {}

  /// Finds the ops that can have a layout, and which one.
  void select();

  /// Sets the layouts. Returns the number of parameters that got one.
  unsigned apply();

private:
  TableLayoutAttr getTableLayout(LookupOp op) const;
  PanelLayoutAttr getPanelLayout(LinearOp op) const;
  PanelLayoutAttr getEmbeddingLayout(EmbeddingOp op) const;
  PanelLayoutAttr getProjectionLayout(Operation *op) const;
  LayoutAttrInterface getWish(Operation *op) const;
  bool canHave(ParameterOp parameter, LayoutAttrInterface layout) const;
  void setLayout(Operation *op, LayoutAttrInterface layout);

  ModuleOp module;
  ParameterValues parameters;
  /// 0: whole rows; -1: as many as kStripBytes hold.
  int64_t stripColumns;
  /// 0: weights keep their rows.
  int64_t panelColumns;
  /// The ops that get a layout.
  llvm::MapVector<Operation *, LayoutAttrInterface> layouts;
};
} // namespace

/// Bytes of a row in a strip: two cache lines, because a gather reads them at a higher rate than single ones. One line
/// for tables of few bits and many rows: few of them fit the second-level cache together, and the sums, of 32 bits,
/// would pass between cache and registers more often than rows do.
static int64_t getStripBytes(LookupOp op, Type element) {
  constexpr int64_t lineBytes = 64, mostRowBits = 8, mostElementBits = 8;
  bool sumsDominate = op.getCodeBits() > mostRowBits && element.getIntOrFloatBitWidth() <= mostElementBits;
  return sumsDominate ? lineBytes : 2 * lineBytes;
}

TableLayoutAttr LayoutSelection::getTableLayout(LookupOp op) const {
  // As parameters are declared: i4 is stored as i8 only once there is a layout.
  Type element = getElementTypeOrSelf(op.getTables().front());
  int64_t columnsPerByte = element.isInteger(4) ? 2 : 1;
  int64_t columns = stripColumns;
  if (columns < 0 || (columns == 0 && columnsPerByte == 2)) {
    // Vectors of 16 bytes are what kernels cut a row into.
    int64_t multiple = 16 * columnsPerByte, widest = 1;
    for (Value init : op.getInits())
      widest = std::max(widest, cast<ShapedType>(init.getType()).getDimSize(1));
    columns = std::min<int64_t>(getStripBytes(op, element) * 8 / element.getIntOrFloatBitWidth(),
                                llvm::alignTo(widest, multiple));
  }
  return TableLayoutAttr::get(op.getContext(), columns, columnsPerByte);
}

PanelLayoutAttr LayoutSelection::getPanelLayout(LinearOp op) const {
  if (panelColumns == 0)
    return {};
  Type element = getElementTypeOrSelf(op.getWeight());
  int64_t interleave = element.isInteger() ? 4 : 1;
  int64_t columns = op.getPruningAttr() ? op.getPruningAttr().getColumns() : panelColumns;
  return PanelLayoutAttr::get(op.getContext(), columns, interleave, element.isInteger(4) ? 2 : 1);
}

/// An embedding has no wish of its own: its table lies as a dense layer wants that reads it too.
PanelLayoutAttr LayoutSelection::getEmbeddingLayout(EmbeddingOp op) const {
  ParameterOp table = parameters.getParameter(op.getTable());
  if (!table)
    return {};
  for (GetParameterOp value : parameters.getValues(table))
    for (Operation *user : value->getUsers())
      if (auto linear = dyn_cast<LinearOp>(user); linear && !linear.isQuantized())
        return getPanelLayout(linear);
  return {};
}

/// A projection of random features has no columns to spare: its rows are the features that are summed. The quadratic
/// form has no kernel, and what it is expanded to reads rows.
PanelLayoutAttr LayoutSelection::getProjectionLayout(Operation *op) const {
  if (auto attention = dyn_cast<LinearAttentionOp>(op); attention && attention.getForm() == AttentionForm::Quadratic)
    return {};
  int64_t rows = cast<ShapedType>(getLaidOutOperands(op).front()->get().getType()).getDimSize(0);
  if (panelColumns == 0 || rows % panelColumns != 0)
    return {};
  return PanelLayoutAttr::get(op->getContext(), panelColumns, /*interleave=*/1, /*features_per_byte=*/1);
}

/// The layout that `op` would have if its parameters can; null where it is none of ours to choose.
LayoutAttrInterface LayoutSelection::getWish(Operation *op) const {
  if (getOpLayout(op))
    return {};
  LayoutAttrInterface wish;
  if (auto lookup = dyn_cast<LookupOp>(op))
    wish = getTableLayout(lookup);
  else if (auto linear = dyn_cast<LinearOp>(op))
    wish = getPanelLayout(linear);
  else if (auto embedding = dyn_cast<EmbeddingOp>(op))
    wish = getEmbeddingLayout(embedding);
  else
    wish = getProjectionLayout(op);
  for (OpOperand *operand : getLaidOutOperands(op)) {
    ParameterOp parameter = parameters.getParameter(operand->get());
    if (!parameter)
      return {};
    // What is written for scales says too little about the weight.
    if (LayoutAttrInterface written = parameter.getLayoutAttr(); written && !isWeightScales(*operand))
      wish = written;
  }
  return wish;
}

/// Whether all uses of `parameter` are operands that ops read with `layout`.
bool LayoutSelection::canHave(ParameterOp parameter, LayoutAttrInterface layout) const {
  if (parameter.getLayoutAttr())
    return parameter.getLayoutAttr() == layout;
  for (GetParameterOp value : parameters.getValues(parameter))
    for (OpOperand &use : value->getUses()) {
      auto *user = layouts.find(use.getOwner());
      if (user == layouts.end() || !llvm::is_contained(getLaidOutOperands(use.getOwner()), &use) ||
          getOperandLayout(use, user->second) != layout)
        return false;
    }
  return true;
}

void LayoutSelection::select() {
  module.walk([&](Operation *op) {
    if (!getLaidOutOperands(op).empty())
      if (LayoutAttrInterface wish = getWish(op))
        layouts[op] = wish;
  });
  // An op that can have none takes it from the parameters that it shares with others.
  bool changed = true;
  while (changed) {
    changed = false;
    layouts.remove_if([&](auto &entry) {
      bool keeps = llvm::all_of(getLaidOutOperands(entry.first), [&](OpOperand *operand) {
        return canHave(parameters.getParameter(operand->get()), getOperandLayout(*operand, entry.second));
      });
      if (!keeps)
        remark::missed(entry.first->getLoc(), remark::RemarkOpts::name("SelectLayouts").category(DEBUG_TYPE))
            << "no layout: a parameter has another use";
      changed |= !keeps;
      return !keeps;
    });
  }
}

void LayoutSelection::setLayout(Operation *op, LayoutAttrInterface layout) {
  if (auto lookup = dyn_cast<LookupOp>(op))
    lookup.setLayoutAttr(cast<TableLayoutAttr>(layout));
  llvm::TypeSwitch<Operation *>(op).Case<EmbeddingOp, LinearOp, LinearAttentionOp, RecurrentAttentionOp>(
      [&](auto other) { other.setLayoutAttr(cast<PanelLayoutAttr>(layout)); });
  std::string text;
  llvm::raw_string_ostream(text) << layout;
  remark::passed(op->getLoc(), remark::RemarkOpts::name("SelectLayouts").category(DEBUG_TYPE)) << text;
}

unsigned LayoutSelection::apply() {
  unsigned count = 0;
  for (auto [op, layout] : layouts) {
    for (OpOperand *operand : getLaidOutOperands(op)) {
      ParameterOp parameter = parameters.getParameter(operand->get());
      if (parameter.getLayoutAttr())
        continue;
      parameter.setLayoutAttr(getOperandLayout(*operand, layout));
      parameters.updateTypes(parameter);
      ++count;
    }
    setLayout(op, layout);
  }
  return count;
}

namespace {
struct SelectLayoutsPass : public mf::impl::SelectLayoutsPassBase<SelectLayoutsPass> {
  using SelectLayoutsPassBase::SelectLayoutsPassBase;

  void runOnOperation() override {
    auto emitError = [&] { return getOperation().emitError("mf-select-layouts: "); };
    if (tableStripColumns < -1)
      return emitError() << "expects table-strip-columns to be -1 or more, found " << tableStripColumns.getValue(),
             signalPassFailure();
    if (panelColumns < 0)
      return emitError() << "expects panel-columns to be 0 or more, found " << panelColumns.getValue(),
             signalPassFailure();
    LayoutSelection selection(getOperation(), tableStripColumns, panelColumns);
    selection.select();
    numLayouts += selection.apply();
  }
};
} // namespace
