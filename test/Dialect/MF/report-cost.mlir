// RUN: mf-opt %s --mf-report-cost --split-input-file -o /dev/null | FileCheck %s
// RUN: mf-opt %s --mf-report-cost="at=tokens:10,cache:100" --split-input-file -o /dev/null | FileCheck %s --check-prefix=AT
// RUN: mf-opt %s --mf-report-cost=count-masked-pairs --split-input-file -o /dev/null | FileCheck %s --check-prefix=MASKED
// RUN: mf-opt %s --mf-report-cost="format=json output=%t.json at=tokens:10" --split-input-file -o /dev/null
// RUN: %python -c "import json; json.load(open('%t.json'))"
// RUN: mf-opt %s --mf-model-pipeline=table-dtype=i4 --mf-report-cost --split-input-file -o /dev/null | FileCheck %s --check-prefix=I4

// Two sets of 4 tables, 16 rows of 8 and of 4 columns in f16: 4 x 12 products and 96 bytes for a token.
// A norm's parameters, a bias; a hash of 16 elements. The op without parameters is of the block whose result it reads.
// CHECK-LABEL: cost of a call of @blocks, stored: 1536 table bytes, 112 weight bytes
// CHECK-NEXT: multiply-adds 48 tokens
// CHECK-NEXT: exponentials 16 tokens
// CHECK-NEXT: table bytes 96 tokens
// CHECK-NEXT: weight bytes 112
// CHECK-NEXT: block first, stored: 0 table bytes, 64 weight bytes
// CHECK-NEXT: exponentials 16 tokens
// CHECK-NEXT: weight bytes 64
// CHECK-NEXT: mf.rms_norm @scale
// CHECK-NEXT: weight bytes 64
// CHECK-NEXT: mf.hash
// CHECK-NEXT: exponentials 16 tokens
// CHECK-NEXT: block second, stored: 1536 table bytes, 48 weight bytes
// CHECK-NEXT: multiply-adds 48 tokens
// CHECK-NEXT: table bytes 96 tokens
// CHECK-NEXT: weight bytes 48
// CHECK-NEXT: mf.lookup @wide
// CHECK-NOT: outside of blocks

// AT-LABEL: @blocks
// AT-NEXT: multiply-adds 48 tokens = 480

// Rows of i4, stored in strips of 16 bytes, and a scale of four bytes per column.
// I4-LABEL: @blocks, stored: 2048 table bytes, 160 weight bytes
// I4: table bytes 24 tokens
// I4: block second, stored: 2048 table bytes, 96 weight bytes
// I4: weight bytes 96
// I4-NOT: outside of blocks
// I4-LABEL: @cached
mf.parameter @scale : tensor<16xf32> from #mf.random<seed = 1, scale = 1.0 : f32> {mf.block = "first"}
mf.parameter @wide : tensor<4x16x8xf16> from #mf.random<seed = 2, scale = 1.0 : f32> {mf.block = "second"}
mf.parameter @narrow : tensor<4x16x4xf16> from #mf.random<seed = 3, scale = 1.0 : f32> {mf.block = "second"}
mf.parameter @wide.bias : tensor<8xf32> from #mf.random<seed = 4, scale = 1.0 : f32> {mf.block = "second"}
mf.parameter @narrow.bias : tensor<4xf32> from #mf.random<seed = 5, scale = 1.0 : f32> {mf.block = "second"}
func.func @blocks(%x: tensor<?x16xf32> {mf.name = "x", mf.dims = ["tokens", ""]})
    -> (tensor<?x8xf32> {mf.name = "y", mf.dims = ["tokens", ""]},
        tensor<?x4xf32> {mf.name = "z", mf.dims = ["tokens", ""]}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x16xf32>
  %scale = mf.get_parameter @scale : tensor<16xf32>
  %e = tensor.empty(%n) : tensor<?x16xf32>
  %norm = mf.rms_norm ins(%x, %scale : tensor<?x16xf32>, tensor<16xf32>) outs(%e : tensor<?x16xf32>) -> tensor<?x16xf32>
  %ci = tensor.empty(%n) : tensor<?x4xi8>
  %si = tensor.empty(%n) : tensor<?x4xf32>
  %c, %s = mf.hash magnitude bits(4) ins(%norm : tensor<?x16xf32>)
      outs(%ci, %si : tensor<?x4xi8>, tensor<?x4xf32>) -> tensor<?x4xi8>, tensor<?x4xf32>
  %t0 = mf.get_parameter @wide : tensor<4x16x8xf16>
  %t1 = mf.get_parameter @narrow : tensor<4x16x4xf16>
  %b0 = mf.get_parameter @wide.bias : tensor<8xf32>
  %b1 = mf.get_parameter @narrow.bias : tensor<4xf32>
  %y0 = tensor.empty(%n) : tensor<?x8xf32>
  %y1 = tensor.empty(%n) : tensor<?x4xf32>
  %y, %z = mf.lookup ins(%c, %s : tensor<?x4xi8>, tensor<?x4xf32>)
      tables(%t0, %t1 : tensor<4x16x8xf16>, tensor<4x16x4xf16>) biases(%b0, %b1 : tensor<8xf32>, tensor<4xf32>)
      outs(%y0, %y1 : tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>, tensor<?x4xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x4xf32>
}

// -----

// Heads of 8 and values of 6: 14 products and an exponential for each pair and each of 4 heads. Two key heads are read.
// CHECK-LABEL: @cached, stored: 0 table bytes, 0 weight bytes
// CHECK-NEXT: multiply-adds 56 cache tokens + 28 tokens^2 + 28 tokens
// CHECK-NEXT: exponentials 4 cache tokens + 2 tokens^2 + 2 tokens
// CHECK-NEXT: state bytes read 112 cache + 112 tokens
// CHECK-NEXT: state bytes written 64 tokens
// CHECK-NEXT: outside of blocks
// AT-LABEL: @cached
// AT-NEXT: multiply-adds {{.*}} = 59080
// MASKED-LABEL: @cached
// MASKED-NEXT: multiply-adds 56 cache tokens + 56 tokens^2
func.func @cached(%q: tensor<?x4x8xf32> {mf.name = "q", mf.dims = ["tokens", "", ""]},
                  %k: tensor<?x2x8xf32> {mf.name = "k", mf.dims = ["tokens", "", ""]},
                  %keys: tensor<?x2x?x8xf32> {mf.name = "keys", mf.dims = ["sequences", "", "positions", ""]},
                  %values: tensor<?x2x?x6xf32> {mf.name = "values", mf.dims = ["sequences", "", "positions", ""]},
                  %slots: tensor<?xi32> {mf.name = "slots", mf.dims = ["tokens"]},
                  %positions: tensor<?xi32> {mf.name = "positions", mf.dims = ["tokens"]},
                  %init: tensor<?x4x6xf32> {mf.name = "init", mf.dims = ["tokens", "", ""]})
    -> (tensor<?x4x6xf32> {mf.name = "y", mf.dims = ["tokens", "", ""]},
        tensor<?x2x?x8xf32> {mf.name = "new", mf.dims = ["sequences", "", "positions", ""]}) {
  %new = mf.update_state ins(%k, %slots, %positions : tensor<?x2x8xf32>, tensor<?xi32>, tensor<?xi32>)
      outs(%keys : tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  %y = mf.cached_attention scale(0.5)
      ins(%q, %new, %values, %slots, %positions : tensor<?x4x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x6xf32>,
          tensor<?xi32>, tensor<?xi32>) outs(%init : tensor<?x4x6xf32>) -> tensor<?x4x6xf32>
  return %y, %new : tensor<?x4x6xf32>, tensor<?x2x?x8xf32>
}

// -----

// Without names, sizes are called after their places; an extent is traced through slices, casts and reshapes.
// CHECK-LABEL: @attention
// CHECK-NEXT: multiply-adds 16 arg0_0 arg1_0 - 8 arg0_0^2 - 8 arg0_0 + 16 arg1_0{{$}}
// CHECK-NEXT: exponentials arg0_0 arg1_0 - 0.5 arg0_0^2 - 0.5 arg0_0 + arg1_0{{$}}
// MASKED-LABEL: @attention
// MASKED-NEXT: multiply-adds 16 arg0_0 arg1_0 + 16 arg1_0{{$}}
func.func @attention(%q: tensor<?x8xf32>, %k: tensor<?x1x8xf32>, %v: tensor<?x1x8xf32>) -> tensor<?x1x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %q, %c0 : tensor<?x8xf32>
  %m = arith.addi %n, %c1 : index
  %e = tensor.empty(%m) : tensor<?x1x8xf32>
  %heads = tensor.expand_shape %q [[0], [1, 2]] output_shape [%n, 1, 8] : tensor<?x8xf32> into tensor<?x1x8xf32>
  %more = tensor.insert_slice %heads into %e[0, 0, 0] [%n, 1, 8] [1, 1, 1] : tensor<?x1x8xf32> into tensor<?x1x8xf32>
  %y = mf.attention causal scale(0.5) ins(%more, %k, %v : tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>)
      outs(%e : tensor<?x1x8xf32>) -> tensor<?x1x8xf32>
  return %y : tensor<?x1x8xf32>
}

// -----

// A row of the table and one of the angles are read for each token; a gather of activations reads no parameter.
// CHECK-LABEL: @rows, stored: 0 table bytes, 29312 weight bytes
// CHECK-NEXT: multiply-adds 160 tokens
// CHECK-NEXT: weight bytes 48 tokens + 640
// CHECK: mf.embedding @table
// CHECK-NEXT: weight bytes 16 tokens
// CHECK-NEXT: mf.rope @angles
// CHECK-NEXT: weight bytes 32 tokens
// CHECK-NEXT: mf.linear @weight
// CHECK-NEXT: multiply-adds 160 tokens
// CHECK-NEXT: weight bytes 640
// CHECK-NOT: mf.embedding
mf.parameter @table : tensor<1000x8xf16> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @angles : tensor<396x4x2xf32> from #mf.rotary_angles<base = 1.0e4 : f64>
mf.parameter @weight : tensor<20x8xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
mf.parameter @unread : tensor<20x8xf32> from #mf.random<seed = 1, scale = 1.0 : f32>
func.func @rows(%ids: tensor<?xi32> {mf.name = "ids", mf.dims = ["tokens"]},
                %out: tensor<?x20xf32> {mf.name = "out", mf.dims = ["tokens", ""]}) -> tensor<?x20xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %ids, %c0 : tensor<?xi32>
  %table = mf.get_parameter @table : tensor<1000x8xf16>
  %angles = mf.get_parameter @angles : tensor<396x4x2xf32>
  %weight = mf.get_parameter @weight : tensor<20x8xf32>
  %e = tensor.empty(%n) : tensor<?x8xf32>
  %x = mf.embedding ins(%ids, %table : tensor<?xi32>, tensor<1000x8xf16>) outs(%e : tensor<?x8xf32>) -> tensor<?x8xf32>
  %heads = tensor.expand_shape %x [[0], [1, 2]] output_shape [%n, 1, 8] : tensor<?x8xf32> into tensor<?x1x8xf32>
  %turned = tensor.empty(%n) : tensor<?x1x8xf32>
  %rope = mf.rope ins(%heads, %ids, %angles : tensor<?x1x8xf32>, tensor<?xi32>, tensor<396x4x2xf32>)
      outs(%turned : tensor<?x1x8xf32>) -> tensor<?x1x8xf32>
  %flat = tensor.collapse_shape %rope [[0], [1, 2]] : tensor<?x1x8xf32> into tensor<?x8xf32>
  %y = mf.linear ins(%flat, %weight : tensor<?x8xf32>, tensor<20x8xf32>) outs(%out : tensor<?x20xf32>) -> tensor<?x20xf32>
  %gathered = mf.embedding ins(%ids, %y : tensor<?xi32>, tensor<?x20xf32>) outs(%out : tensor<?x20xf32>)
      -> tensor<?x20xf32>
  return %gathered : tensor<?x20xf32>
}
