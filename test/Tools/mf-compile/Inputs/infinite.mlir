// Tables of infinities.
mf.parameter @t : tensor<8x16x64xf32> from #mf.fill<0x7F800000 : f32>
func.func @f(%c: tensor<?x8xi8> {mf.name = "codes", mf.dims = ["tokens", ""]},
             %s: tensor<?x8xf32> {mf.name = "scores", mf.dims = ["tokens", ""]})
    -> (tensor<?x64xf32> {mf.name = "y", mf.dims = ["tokens", ""]}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %c, %c0 : tensor<?x8xi8>
  %t = mf.get_parameter @t : tensor<8x16x64xf32>
  %e = tensor.empty(%n) : tensor<?x64xf32>
  %y = mf.lookup ins(%c, %s : tensor<?x8xi8>, tensor<?x8xf32>) tables(%t : tensor<8x16x64xf32>)
      outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
