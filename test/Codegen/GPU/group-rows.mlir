// RUN: mf-opt %s --mf-gpu-group-rows --split-input-file | FileCheck %s
// RUN: mf-opt %s --mf-gpu-group-rows --convert-mf-to-gpu --cse --split-input-file | FileCheck %s --check-prefix=KERNEL

// Ops for the same tokens, with views between them; the lookup ends the group.
// CHECK-LABEL: func.func @block
// CHECK: scf.execute_region
// CHECK-NEXT: mf.add
// CHECK-NEXT: mf.rms_norm
// CHECK-NEXT: mf.hash
// CHECK-NEXT: scf.yield
// CHECK: mf.lookup
// CHECK: memref.expand_shape
// CHECK: scf.execute_region
// CHECK-NEXT: mf.rope
// CHECK-NEXT: mf.update_state
// CHECK-NEXT: scf.yield
// KERNEL-LABEL: func.func @block
// KERNEL: gpu.launch_func @kernels::@add_rms_norm_hash_0
// KERNEL: gpu.launch_func @kernels::@lookup_gather_1
// KERNEL: gpu.launch_func @kernels::@rope_update_state_2
// KERNEL-NOT: gpu.launch_func
// A warp waits for itself between two ops.
// KERNEL-LABEL: gpu.func @add_rms_norm_hash_0
// KERNEL: nvvm.bar.warp.sync
// KERNEL: nvvm.bar.warp.sync
// KERNEL-NOT: nvvm.bar.warp.sync
// KERNEL: gpu.return
#rows = #mf.gpu_rows<warps = 4>
func.func @block(%frame: !mf.frame, %w: memref<16xf32>, %t: memref<2x256x16xf32>, %angles: memref<8x2x2xf32>,
                 %cache: memref<?x2x?x8xf32>) {
  %n = mf.frame_dim %frame[0] : index
  %x = mf.frame_operand %frame[0](%n) : memref<?x16xf32>
  %p = mf.frame_operand %frame[1](%n) : memref<?xi32>
  %a = memref.alloc(%n) : memref<?x16xf32>
  mf.add strategy(#rows) ins(%x, %x : memref<?x16xf32>, memref<?x16xf32>) outs(%a : memref<?x16xf32>)
  %b = memref.alloc(%n) : memref<?x16xf32>
  mf.rms_norm strategy(#rows) ins(%a, %w : memref<?x16xf32>, memref<16xf32>) outs(%b : memref<?x16xf32>)
  %c = memref.alloc(%n) : memref<?x2xi8>
  %s = memref.alloc(%n) : memref<?x2xf32>
  mf.hash magnitude bits(8) strategy(#mf.gpu_hash<warps = 4>) ins(%b : memref<?x16xf32>)
      outs(%c, %s : memref<?x2xi8>, memref<?x2xf32>)
  mf.lookup strategy(#mf.gpu_row_gather<threads = 128>) ins(%c, %s : memref<?x2xi8>, memref<?x2xf32>)
      tables(%t : memref<2x256x16xf32>) outs(%b : memref<?x16xf32>)
  %heads = memref.expand_shape %b [[0], [1, 2]] output_shape [%n, 2, 8] : memref<?x16xf32> into memref<?x2x8xf32>
  %r = memref.alloc(%n) : memref<?x2x8xf32>
  mf.rope strategy(#rows) ins(%heads, %p, %angles : memref<?x2x8xf32>, memref<?xi32>, memref<8x2x2xf32>)
      outs(%r : memref<?x2x8xf32>)
  mf.update_state strategy(#rows) ins(%r, %p, %p : memref<?x2x8xf32>, memref<?xi32>, memref<?xi32>)
      outs(%cache : memref<?x2x?x8xf32>)
  return
}

// -----

// Not together: other tokens, another number of warps, rows of other tokens, tokens that are not known.
// CHECK-LABEL: func.func @apart
// CHECK-NOT: scf.execute_region
#rows = #mf.gpu_rows<warps = 4>
func.func @apart(%frame: !mf.frame, %w: memref<16xf32>, %z: memref<?x16xf32>) {
  %n = mf.frame_dim %frame[0] : index
  %m = mf.frame_dim %frame[1] : index
  %x = mf.frame_operand %frame[0](%n) : memref<?x16xf32>
  %y = mf.frame_operand %frame[1](%m) : memref<?x16xf32>
  %ids = mf.frame_operand %frame[2](%n) : memref<?xi32>
  mf.rms_norm strategy(#rows) ins(%x, %w : memref<?x16xf32>, memref<16xf32>) outs(%x : memref<?x16xf32>)
  mf.rms_norm strategy(#rows) ins(%y, %w : memref<?x16xf32>, memref<16xf32>) outs(%y : memref<?x16xf32>)
  mf.rms_norm strategy(#mf.gpu_rows<warps = 8>) ins(%y, %w : memref<?x16xf32>, memref<16xf32>)
      outs(%y : memref<?x16xf32>)
  mf.rms_norm strategy(#rows) ins(%x, %w : memref<?x16xf32>, memref<16xf32>) outs(%x : memref<?x16xf32>)
  mf.embedding strategy(#rows) ins(%ids, %x : memref<?xi32>, memref<?x16xf32>) outs(%y : memref<?x16xf32>)
  mf.rms_norm strategy(#rows) ins(%z, %w : memref<?x16xf32>, memref<16xf32>) outs(%z : memref<?x16xf32>)
  mf.rms_norm strategy(#rows) ins(%z, %w : memref<?x16xf32>, memref<16xf32>) outs(%z : memref<?x16xf32>)
  return
}
