// RUN: mf-opt %s --convert-mf-to-gpu --cse --split-input-file | FileCheck %s

// Equal ops launch one kernel, whose grid depends on the tokens.
// CHECK-LABEL: func.func @rows
// CHECK: %[[BLOCKS:.*]] = arith.ceildivui %{{.*}}, %c4
// CHECK: gpu.launch_func @kernels::@add_0 blocks in (%[[BLOCKS]], %c1{{.*}}, %c1{{.*}}) threads in (%c128
// CHECK: gpu.launch_func @kernels::@add_0
// CHECK: gpu.launch_func @kernels::@add_1
// CHECK-NOT: gpu.launch_func
func.func @rows(%x: memref<?x8xf32>, %y: memref<?x8xf32>, %z: memref<?x7xf32>) {
  mf.add strategy(#mf.gpu_rows<warps = 4>) ins(%x, %x : memref<?x8xf32>, memref<?x8xf32>) outs(%y : memref<?x8xf32>)
  mf.add strategy(#mf.gpu_rows<warps = 4>) ins(%y, %x : memref<?x8xf32>, memref<?x8xf32>) outs(%x : memref<?x8xf32>)
  mf.add strategy(#mf.gpu_rows<warps = 4>) ins(%z, %z : memref<?x7xf32>, memref<?x7xf32>) outs(%z : memref<?x7xf32>)
  return
}
// CHECK: gpu.module @kernels
// CHECK: memref.global "public" @workgroup_memory : memref<0xi8, #gpu.address_space<workgroup>> {alignment = 128 : i64}
// CHECK-LABEL: gpu.func @add_0
// CHECK-SAME: known_block_size = array<i32: 128, 1, 1>
// CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<?x8xf32>, vector<4xf32>
// Rows of 7 elements are not aligned.
// CHECK-LABEL: gpu.func @add_1
// CHECK-NOT: vector
// CHECK: memref.load {{.*}} : memref<?x7xf32>

// -----

// Ten bits: three chunks of a token at a time. No product is fused.
// CHECK-LABEL: gpu.func @hash_0
// CHECK: %[[FIRST:.*]] = arith.cmpf oge
// CHECK: nvvm.vote.sync ballot %{{.*}}, %{{.*}}
// CHECK-NOT: math.fma
// CHECK-COUNT-20: gpu.shuffle idx
// CHECK-NOT: gpu.shuffle
// CHECK: gpu.return
func.func @hash(%x: memref<?x40xf32>, %c: memref<?x4xi16>, %s: memref<?x4xf32>) {
  mf.hash magnitude bits(10) strategy(#mf.gpu_hash<warps = 8>) ins(%x : memref<?x40xf32>)
      outs(%c, %s : memref<?x4xi16>, memref<?x4xf32>)
  return
}

// -----

// Few tokens are gathered, many share slices.
// CHECK-LABEL: func.func @lookup
// CHECK: %[[FEW:.*]] = arith.cmpi ult, %{{.*}}, %c64
// CHECK: scf.if %[[FEW]]
// CHECK: gpu.launch_func @kernels::@lookup_gather_0
// CHECK: else
// CHECK: %[[BYTES:.*]] = arith.constant 65536 : i32
// CHECK: gpu.launch_func @kernels::@lookup_tile_1 {{.*}} dynamic_shared_memory_size %[[BYTES]]
func.func @lookup(%c: memref<?x2xi8>, %s: memref<?x2xf32>, %t: memref<1x2x256x64xf16>, %y: memref<?x64xf32>) {
  mf.lookup layout(#mf.table_layout<strip_columns = 64>)
      strategy(#mf.gpu_table_tile<threads = 256, tokens = 2, rows = 256, gather_tokens = 64>)
      ins(%c, %s : memref<?x2xi8>, memref<?x2xf32>) tables(%t : memref<1x2x256x64xf16>) outs(%y : memref<?x64xf32>)
  return
}
// CHECK-LABEL: gpu.func @lookup_gather_0
// CHECK-NOT: gpu.barrier
// CHECK: vector.load {{.*}} vector<8xf16>
// CHECK-LABEL: gpu.func @lookup_tile_1
// CHECK: memref.view {{.*}} to memref<2x1x1x256x64xf16, #gpu.address_space<workgroup>>
// CHECK: nvgpu.device_async_copy {{.*}}, 8 {bypassL1}
// CHECK: nvvm.cp.async.commit.group
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 1
// CHECK: gpu.barrier
// CHECK-COUNT-2: math.fma
// CHECK: gpu.barrier

// -----

// Copies that bufferisation left: a thread takes 16 bytes where rows are aligned.
// CHECK-LABEL: func.func @copies
// CHECK: %[[PIECES:.*]] = arith.muli %{{.*}}, %c6
// CHECK: %[[BLOCKS:.*]] = arith.ceildivui %[[PIECES]], %c256
// CHECK: gpu.launch_func @kernels::@copy_0 blocks in (%[[BLOCKS]], %c1{{.*}}, %c1{{.*}}) threads in (%c256
// CHECK: gpu.launch_func @kernels::@copy_1
// CHECK-NOT: memref.copy
func.func @copies(%x: memref<?x3x8xf32>, %y: memref<?x3x8xf32>, %u: memref<?x5xi8>, %v: memref<?x5xi8>) {
  memref.copy %x, %y : memref<?x3x8xf32> to memref<?x3x8xf32>
  memref.copy %u, %v : memref<?x5xi8> to memref<?x5xi8>
  return
}
// CHECK-LABEL: gpu.func @copy_0
// CHECK: %[[PIECE:.*]] = vector.load {{.*}} {alignment = 16 : i64} : memref<?x3x8xf32>, vector<4xf32>
// CHECK: vector.store %[[PIECE]], {{.*}} {alignment = 16 : i64} : memref<?x3x8xf32>, vector<4xf32>
// CHECK-LABEL: gpu.func @copy_1
// CHECK: %[[BYTE:.*]] = memref.load {{.*}} : memref<?x5xi8>
// CHECK: memref.store %[[BYTE]]
