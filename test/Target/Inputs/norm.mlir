// One norm with one parameter: a library that is used through `call`.
mf.parameter @weight : tensor<8xf32> from #mf.fill<2.0 : f64>
func.func @norm(%x: tensor<?x8xf32> {mf.name = "x", mf.dims = ["tokens", ""]})
    -> (tensor<?x8xf32> {mf.name = "y", mf.dims = ["tokens", ""]}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x8xf32>
  %w = mf.get_parameter @weight : tensor<8xf32>
  %init = tensor.empty(%n) : tensor<?x8xf32>
  %y = mf.rms_norm ins(%x, %w : tensor<?x8xf32>, tensor<8xf32>) outs(%init : tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
