// Rules that say which strategy ops of a kind and size get: what a tuner writes and a compilation reads.
#include "mf/Codegen/Strategy/Strategies.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// Features of the widest destination; of a token, so without its first dimension.
static int64_t getColumns(ComputeOpInterface op) {
  int64_t widest = 0;
  for (Value init : cast<DestinationStyleOpInterface>(op.getOperation()).getDpsInits())
    widest = std::max(widest, cast<ShapedType>(init.getType()).getShape().back());
  return widest;
}

static TypeAttr getElementType(Value value) {
  return TypeAttr::get(cast<ShapedType>(value.getType()).getElementType());
}

DictionaryAttr mlir::mf::getStrategySizes(ComputeOpInterface op) {
  Builder builder(op.getContext());
  NamedAttrList sizes;
  auto set = [&](StringRef name, int64_t size) { sizes.set(name, builder.getI64IntegerAttr(size)); };
  TypeSwitch<Operation *>(op)
      .Case([&](HashOp hash) {
        set("bits", hash.getBits());
        set("tables", hash.getNumTables());
      })
      .Case([&](LookupOp lookup) {
        set("bits", lookup.getCodeBits());
        set("columns", getColumns(op));
        set("tables", lookup.getNumTables());
        sizes.set("dtype", getElementType(lookup.getTables().front()));
      })
      .Case([&](LinearOp linear) {
        set("columns", getColumns(op));
        set("features", cast<ShapedType>(linear.getX().getType()).getDimSize(1));
        sizes.set("dtype", getElementType(linear.getWeight()));
      })
      .Case<AttentionOp, CachedAttentionOp>([&](auto attention) {
        set("head_size", cast<ShapedType>(attention.getQ().getType()).getDimSize(2));
        set("heads", cast<ShapedType>(attention.getQ().getType()).getDimSize(1));
      })
      .Case<LinearAttentionOp, RecurrentAttentionOp>([&](auto attention) {
        RecurrentState state = attention.getStateLayout();
        set("chunk", state.chunk);
        set("features", state.features);
        set("head_size", cast<ShapedType>(attention.getQ().getType()).getDimSize(2));
        set("heads", cast<ShapedType>(attention.getQ().getType()).getDimSize(1));
      })
      .Default([&](Operation *) { set("columns", getColumns(op)); });
  return sizes.getDictionary(op.getContext());
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

/// Whether `sizes` has all of the rule's; fails where it lacks one.
static FailureOr<bool> matchSizes(StrategyRuleAttr rule, DictionaryAttr sizes, ComputeOpInterface op) {
  if (!rule.getSizes())
    return true;
  bool matches = true;
  for (NamedAttribute wanted : rule.getSizes()) {
    Attribute found = sizes.get(wanted.getName());
    if (!found) {
      std::string names;
      for (NamedAttribute size : sizes)
        names += (names.empty() ? "" : ", ") + size.getName().str();
      return op.emitOpError() << "has the sizes " << names << " for rules in 'mf.strategies', found " << rule;
    }
    matches &= found == wanted.getValue();
  }
  return matches;
}

FailureOr<StrategyAttrInterface> mlir::mf::applyStrategyRules(ArrayAttr rules, ComputeOpInterface op,
                                                              CPUTargetAttr target) {
  DictionaryAttr sizes;
  for (auto rule : rules.getAsRange<StrategyRuleAttr>()) {
    if (rule.getOp() != op->getName().getStringRef())
      continue;
    if (!rule.getVariant().empty() && rule.getVariant() != target.getVariant())
      continue;
    if (!sizes)
      sizes = getStrategySizes(op);
    FailureOr<bool> matches = matchSizes(rule, sizes, op);
    if (failed(matches))
      return failure();
    if (*matches)
      return rule.getStrategy();
  }
  return StrategyAttrInterface();
}
