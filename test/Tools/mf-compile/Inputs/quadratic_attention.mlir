func.func @f(%q: tensor<?x8x64xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]}) -> (tensor<?x8x64xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %q, %c0 : tensor<?x8x64xf32>
  %e = tensor.empty(%n) : tensor<?x8x64xf32>
  %y = mf.linear_attention causal features(#mf.elu_features) chunk(32) form quadratic
    ins(%q, %q, %q : tensor<?x8x64xf32>, tensor<?x8x64xf32>, tensor<?x8x64xf32>) outs(%e : tensor<?x8x64xf32>) -> tensor<?x8x64xf32>
  return %y : tensor<?x8x64xf32>
}
