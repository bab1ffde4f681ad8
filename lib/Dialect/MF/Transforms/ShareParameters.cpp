// mf-share-parameters: elements that several parameters have are stored once.
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Dialect/MF/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::mf {
#define GEN_PASS_DEF_SHAREPARAMETERSPASS
#include "mf/Dialect/MF/Transforms/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

/// Whether the elements are those of a file, or these rounded. Computed ones are made anew for each parameter.
static bool isOfFile(Attribute source) {
  if (auto rounded = dyn_cast<RoundedAttr>(source))
    source = rounded.getSource();
  return isa<TensorFileAttr>(source);
}

namespace {
struct ShareParametersPass : public mf::impl::ShareParametersPassBase<ShareParametersPass> {
  void runOnOperation() override {
    using Key = std::tuple<Attribute, Attribute, Attribute>;
    DenseMap<Key, ParameterOp> firsts;
    DenseMap<StringAttr, ParameterOp> replaced;
    for (auto parameter : getOperation().getOps<ParameterOp>()) {
      if (!isOfFile(parameter.getSource()))
        continue;
      Key key{parameter.getTypeAttr(), parameter.getSource(), parameter.getLayoutAttr()};
      auto [first, isNew] = firsts.try_emplace(key, parameter);
      if (!isNew)
        replaced[parameter.getSymNameAttr()] = first->second;
    }
    getOperation().walk([&](GetParameterOp value) {
      if (ParameterOp first = replaced.lookup(value.getParameterAttr().getAttr()))
        value.setParameter(first.getSymName());
    });
    for (auto parameter : llvm::make_early_inc_range(getOperation().getOps<ParameterOp>()))
      if (replaced.count(parameter.getSymNameAttr())) {
        parameter.erase();
        ++numShared;
      }
  }
};
} // namespace
