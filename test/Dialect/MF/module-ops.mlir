// Parameters, module attributes and the ops of lowered entry points: pretty, generic and bytecode round trips.
// RUN: mf-opt %s | mf-opt | FileCheck %s
// RUN: mf-opt %s --mlir-print-op-generic | mf-opt | FileCheck %s
// RUN: mf-opt %s --emit-bytecode | mf-opt | FileCheck %s

// CHECK: module attributes {
// CHECK-SAME: mf.config = "{}"
// CHECK-SAME: mf.language_model = #mf.language_model<name = "lm", vocabulary = 512, max_positions = 64>
// CHECK-SAME: mf.target = #mf.cpu_target<variant = "x86-64-v3"
module attributes {mf.config = "{}",
                   mf.language_model = #mf.language_model<name = "lm", vocabulary = 512, max_positions = 64>,
                   mf.target = #mf.cpu_target<variant = "x86-64-v3", triple = "x86_64-unknown-linux-gnu",
                     cpu = "x86-64-v3", features = "", vector_bits = 256, fma = true, l1_bytes = 32768,
                     l2_bytes = 524288>} {
  // CHECK: mf.parameter @a.tables : tensor<8x256x40xf32> from
  // CHECK-SAME: #mf.tensor_file<path = "model.safetensors", offset = 4096, element_type = f16>
  // CHECK-SAME: layout #mf.table_layout<strip_columns = 16> index 3
  mf.parameter @"a.tables" : tensor<8x256x40xf32>
      from #mf.tensor_file<path = "model.safetensors", offset = 4096, element_type = f16>
      layout #mf.table_layout<strip_columns = 16> index 3
  // CHECK: mf.parameter @random : tensor<4xf32> from #mf.random<seed = 7, scale = 5.000000e-01 : f32>
  mf.parameter @random : tensor<4xf32> from #mf.random<seed = 7, scale = 0.5 : f32>
  // CHECK: mf.parameter @fill : tensor<4xf16> from #mf.fill<0.000000e+00 : f32>
  mf.parameter @fill : tensor<4xf16> from #mf.fill<0.0 : f32>
  // CHECK: mf.parameter @kept : tensor<1x3x16xf32> from #mf.kept_rows<source = #mf.fill<0.000000e+00 : f32>, kept = dense<{{.*}}> : tensor<2x2xi1>>
  mf.parameter @kept : tensor<1x3x16xf32> from #mf.kept_rows<source = #mf.fill<0.0 : f32>, kept = dense<[[true, false], [false, true]]> : tensor<2x2xi1>>
  // CHECK: mf.parameter @map : tensor<2x2xi16> from #mf.row_map<kept = dense<{{.*}}> : tensor<2x2xi1>>
  mf.parameter @map : tensor<2x2xi16> from #mf.row_map<kept = dense<[[true, false], [false, true]]> : tensor<2x2xi1>>
  // CHECK: mf.parameter @angles : tensor<64x8x2xf32> from #mf.rotary_angles<base = 1.000000e+04 : f64>
  mf.parameter @angles : tensor<64x8x2xf32> from #mf.rotary_angles<base = 1.0e4 : f64>

  // CHECK: func.func @step(%{{.*}}: tensor<?x4xf32> {mf.dims = ["tokens", ""], mf.name = "x"},
  // CHECK-SAME: tensor<?x4xf32> {mf.dims = ["slots", ""], mf.name = "state", mf.state})
  func.func @step(%x: tensor<?x4xf32> {mf.name = "x", mf.dims = ["tokens", ""]},
                  %s: tensor<?x4xf32> {mf.name = "state", mf.state, mf.dims = ["slots", ""]})
      -> (tensor<3x8x256x16xf32> {mf.name = "tables"}) {
    // CHECK: mf.get_parameter @a.tables : tensor<3x8x256x16xf32>
    %t = mf.get_parameter @"a.tables" : tensor<3x8x256x16xf32>
    return %t : tensor<3x8x256x16xf32>
  }

  // CHECK: func.func @entry(%[[FRAME:.*]]: !mf.frame) attributes {mf.entry = #mf.entry<dims = ["n"], operands =
  // CHECK-SAME: [<name = "x", role = input, type = tensor<?x4xf32>, dims = ["n", ""]>]>}
  func.func @entry(%frame: !mf.frame) attributes {
      mf.entry = #mf.entry<dims = ["n"], operands = [<name = "x", role = input, type = tensor<?x4xf32>, dims = ["n", ""]>]>} {
    // CHECK: %[[N:.*]] = mf.frame_dim %[[FRAME]][0] : index
    %n = mf.frame_dim %frame[0] : index
    // CHECK: %[[X:.*]] = mf.frame_operand %[[FRAME]][0] (%[[N]]) : memref<?x4xf32>
    %x = mf.frame_operand %frame[0](%n) : memref<?x4xf32>
    // CHECK: mf.frame_parameter %[[FRAME]][3] : memref<3x8x256x16xf32>
    %t = mf.frame_parameter %frame[3] : memref<3x8x256x16xf32>
    // CHECK: mf.frame_workspace %[[FRAME]](%[[N]]) : memref<?xi8>
    %w = mf.frame_workspace %frame(%n) : memref<?xi8>
    // CHECK: mf.frame_workers %[[FRAME]] : index
    %workers = mf.frame_workers %frame : index
    // CHECK: mf.parallel_for @kernel on %[[FRAME]] count(%[[N]]) (%[[X]] : memref<?x4xf32>)
    mf.parallel_for @kernel on %frame count(%n) (%x : memref<?x4xf32>)
    // CHECK: mf.parallel_for @bare on %[[FRAME]] count(%[[N]]) ()
    mf.parallel_for @bare on %frame count(%n) ()
    return
  }

  func.func private @kernel(%begin: index, %end: index, %worker: index, %x: memref<?x4xf32>) {
    // CHECK: mf.worker_index : index
    %w = mf.worker_index : index
    return
  }
  func.func private @bare(index, index, index)
}
