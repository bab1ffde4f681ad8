// Feature maps of linear attention. A new one is an attribute here, its methods in lib/Dialect/MF/IR/FeatureMaps.cpp,
// and a reference in python/memoryformer/attention.py.
#ifndef MF_DIALECT_MF_IR_MFFEATUREMAPS_TD
#define MF_DIALECT_MF_IR_MFFEATUREMAPS_TD

class MF_FeatureMapAttr<string name, string attrMnemonic>
    : MF_Attr<name, attrMnemonic, [DeclareAttrInterfaceMethods<MF_FeatureMapAttrInterface>]>;

def MF_EluFeaturesAttr : MF_FeatureMapAttr<"EluFeatures", "elu_features"> {
  let summary = "elu(x) + 1";
  let description = [{
    phi(x) = x + 1 where x > 0, else exp(x), elementwise; 1e-6 is added to the denominator.
  }];
  let assemblyFormat = "";
}

def MF_CosformerFeaturesAttr : MF_FeatureMapAttr<"CosformerFeatures", "cosformer_features"> {
  let summary = "relu(x), weighted by the cosine of the distance";
  let description = [{
    phi_i(x) = [relu(x) sin(pi i / 2M); relu(x) cos(pi i / 2M)] at position i, counted from 1, so that a weight is
    relu(q_i) . relu(k_j) cos(pi (i - j) / 2M); M = `max_positions`. The denominator is at least 1e-6. Weights are not
    negative while all positions are at most M.
  }];
  let parameters = (ins "int64_t":$max_positions);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def MF_FavorKernel : I32EnumAttr<"FavorKernel", "what random features approximate", [
    I32EnumAttrCase<"Softmax", 0, "softmax">, I32EnumAttrCase<"Relu", 1, "relu">]> {
  let cppNamespace = "::mlir::mf";
}

def MF_FavorFeaturesAttr : MF_FeatureMapAttr<"FavorFeatures", "favor_features"> {
  let summary = "Random features of the Performer (FAVOR+)";
  let description = [{
    With the projection W [m, d]:

    - `kind = softmax`: phi(x) = exp(W x' - |x'|^2 / 2), x' = x / d^(1/4). Features are kept apart from a running maximum
      of their logarithms, which the ratio cancels; nothing is added to the denominator. Where all weights underflow, the
      result is 0.
    - `kind = relu`: phi(x) = relu(W x) + 1e-3.
  }];
  let parameters = (ins EnumParameter<MF_FavorKernel>:$kind);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif // MF_DIALECT_MF_IR_MFFEATUREMAPS_TD
