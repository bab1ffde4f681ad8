// RUN: mf-opt %s --mf-trace-codes --split-input-file | FileCheck %s

// A step of sessions: its sequences become one, from the first position on; logits and what only they need go.
// CHECK-LABEL: func.func @step(
// CHECK-LABEL: func.func @codes(
// CHECK-SAME: %[[T:[^:]*]]: tensor<?xi32> {mf.dims = ["tokens"], mf.name = "tokens"}) -> (tensor<?x2xi8> {mf.dims = ["tokens", ""], mf.name = "a"}, tensor<?x2xi8> {mf.dims = ["tokens", ""], mf.name = "b"})
// CHECK: %[[N:.*]] = tensor.dim %[[T]]
// CHECK: %[[K:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%{{.*}} : tensor<1x1x?x16xf32>)
// CHECK: %[[P:.*]] = linalg.generic
// CHECK: linalg.index 0
// CHECK: %[[S:.*]] = linalg.fill ins(%{{.*}} : i32)
// CHECK: mf.embedding ins(%[[T]],
// CHECK: mf.update_state ins(%{{.*}}, %[[S]], %[[P]] : {{.*}}) outs(%[[K]] : tensor<1x1x?x16xf32>) -> tensor<1x1x?x16xf32>
// CHECK: mf.cached_attention
// CHECK: %[[C:.*]]:2 = mf.hash
// CHECK-NOT: mf.lookup
// CHECK: return %[[C]]#0, %[[C]]#0 :
mf.parameter @e : tensor<8x16xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @a : tensor<2x256x16xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @b : tensor<2x256x16xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
func.func @step(%t: tensor<?xi32> {mf.name = "tokens", mf.dims = ["tokens"]},
                %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]},
                %positions: tensor<?xi32> {mf.name = "positions", mf.dims = ["tokens"]},
                %rows: tensor<?xi32> {mf.name = "rows", mf.dims = ["rows"]},
                %keys: tensor<?x1x?x16xf32> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""], mf.state})
    -> (tensor<?x16xf32> {mf.name = "logits", mf.dims = ["rows", ""]},
        tensor<?x1x?x16xf32> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""], mf.state}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %t, %c0 : tensor<?xi32>
  %m = tensor.dim %rows, %c0 : tensor<?xi32>
  %e = mf.get_parameter @e : tensor<8x16xf32>
  %a = mf.get_parameter @a : tensor<2x256x16xf32>
  %b = mf.get_parameter @b : tensor<2x256x16xf32>
  %f = tensor.empty(%n) : tensor<?x16xf32>
  %h = tensor.empty(%n) : tensor<?x1x16xf32>
  %x = mf.embedding ins(%t, %e : tensor<?xi32>, tensor<8x16xf32>) outs(%f : tensor<?x16xf32>) -> tensor<?x16xf32>
  %q = tensor.expand_shape %x [[0], [1, 2]] output_shape [%n, 1, 16] : tensor<?x16xf32> into tensor<?x1x16xf32>
  %k = mf.update_state ins(%q, %slots, %positions : tensor<?x1x16xf32>, tensor<?xi32>, tensor<?xi32>) outs(%keys : tensor<?x1x?x16xf32>) -> tensor<?x1x?x16xf32>
  %y = mf.cached_attention scale(0.25) ins(%q, %k, %k, %slots, %positions : tensor<?x1x16xf32>, tensor<?x1x?x16xf32>, tensor<?x1x?x16xf32>, tensor<?xi32>, tensor<?xi32>) outs(%h : tensor<?x1x16xf32>) -> tensor<?x1x16xf32>
  %z = tensor.collapse_shape %y [[0], [1, 2]] : tensor<?x1x16xf32> into tensor<?x16xf32>
  %ci = tensor.empty(%n) : tensor<?x2xi8>
  %si = tensor.empty(%n) : tensor<?x2xf32>
  %c:2 = mf.hash magnitude bits(8) ins(%z : tensor<?x16xf32>) outs(%ci, %si : tensor<?x2xi8>, tensor<?x2xf32>) -> tensor<?x2xi8>, tensor<?x2xf32>
  %0:2 = mf.lookup ins(%c#0, %c#1 : tensor<?x2xi8>, tensor<?x2xf32>) tables(%a, %b : tensor<2x256x16xf32>, tensor<2x256x16xf32>)
      outs(%f, %f : tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>, tensor<?x16xf32>
  %1 = mf.add ins(%0#0, %0#1 : tensor<?x16xf32>, tensor<?x16xf32>) outs(%f : tensor<?x16xf32>) -> tensor<?x16xf32>
  %g = tensor.empty(%m) : tensor<?x16xf32>
  %2 = mf.embedding ins(%rows, %1 : tensor<?xi32>, tensor<?x16xf32>) outs(%g : tensor<?x16xf32>) -> tensor<?x16xf32>
  return %2, %k : tensor<?x16xf32>, tensor<?x1x?x16xf32>
}
