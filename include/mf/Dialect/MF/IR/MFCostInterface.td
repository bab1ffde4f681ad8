// The interface of ops that say what they cost.
#ifndef MF_DIALECT_MF_IR_MFCOSTINTERFACE_TD
#define MF_DIALECT_MF_IR_MFCOSTINTERFACE_TD

include "mlir/IR/OpBase.td"

def MF_CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::mlir::mf";
  let description = [{
    An op that says what a call needs for it. `mf-report-cost` adds the costs up, and fails at a compute op that has none.
  }];
  let methods = [
    InterfaceMethod<"What the op costs on tensors, as polynomials in the sizes of the function's arguments. Where "
                    "`context` cannot trace an extent the result is not read.",
                    "::mlir::mf::Cost", "getCost", (ins "::mlir::mf::CostContext &":$context)>,
  ];
}

#endif // MF_DIALECT_MF_IR_MFCOSTINTERFACE_TD
