// Every op that a kernel may hold, through both lowerings; test/Unit/Codegen compares the ops here with the table.
// RUN: mf-opt %s --mf-gpu-to-ptx-pipeline=arch=sm_90a | FileCheck %s --check-prefix=PTX
// RUN: mf-opt %s --mf-gpu-host-pipeline=checked=true | FileCheck %s --check-prefix=HOST --implicit-check-not=unrealized --implicit-check-not=gpu.module
// RUN: mf-opt %s --mf-gpu-host-pipeline | FileCheck %s --check-prefix=PLAIN --implicit-check-not=mf_rt_gpu_access --implicit-check-not=mf_rt_gpu_enter --implicit-check-not=mf_rt_gpu_check_index

// PTX: gpu.binary @kernels
// PTX-SAME: .visible .entry every_op
// PTX-SAME: dp4a.s32.u32

// HOST-DAG: llvm.func @mf_rt_gpu_enter(!llvm.ptr, i32)
// HOST-DAG: llvm.func @mf_rt_gpu_check_index(!llvm.ptr, i32, i32, i64, i64, i64)
// HOST-DAG: llvm.func @mf_rt_gpu_access(!llvm.ptr, i32, i64)
// HOST-DAG: llvm.func @mf_rt_gpu_barrier(!llvm.ptr, i32)
// HOST-DAG: llvm.func @mf_rt_gpu_warp_barrier(!llvm.ptr, i32, i32)
// HOST-DAG: llvm.func @mf_rt_gpu_shuffle(!llvm.ptr, i32, i32, i32, i32) -> i32
// HOST-DAG: llvm.func @mf_rt_gpu_ballot(!llvm.ptr, i32, i32, i32) -> i32
// HOST-DAG: llvm.func @mf_rt_gpu_load_matrices(!llvm.ptr, i32, i64, i32, i32, !llvm.ptr)
// HOST-DAG: llvm.func @mf_rt_gpu_multiply_matrices(!llvm.ptr, i32, i32, !llvm.ptr, !llvm.ptr, !llvm.ptr, !llvm.ptr)
// HOST-DAG: llvm.func @mf_rt_gpu_copy(!llvm.ptr, i64, i64, i32, i32)
// HOST-DAG: llvm.func @mf_rt_gpu_close_copies(!llvm.ptr)
// HOST-DAG: llvm.func @mf_rt_gpu_await_copies(!llvm.ptr, i32)
// HOST-DAG: llvm.func @mf_rt_gpu_mbarrier_init(!llvm.ptr, i32, i64, i32)
// HOST-DAG: llvm.func @mf_rt_gpu_mbarrier_expect(!llvm.ptr, i32, i64, i32)
// HOST-DAG: llvm.func @mf_rt_gpu_mbarrier_wait(!llvm.ptr, i32, i64, i32)
// HOST-DAG: llvm.func @mf_rt_gpu_bulk_copy(!llvm.ptr, i32, i64, i64, i32, i64, i32)
// HOST-DAG: llvm.func @mf_rt_gpu_cluster_arrive(!llvm.ptr, i32)
// HOST-DAG: llvm.func @mf_rt_gpu_cluster_wait(!llvm.ptr, i32)
// HOST: llvm.func internal @kernels.every_op(
// PLAIN: llvm.func internal @kernels.every_op(
!rows = memref<32x8xf16, #gpu.address_space<workgroup>>
!words = memref<64xi32, #gpu.address_space<workgroup>>
!sums = !llvm.struct<(f32, f32, f32, f32)>
module attributes {gpu.container_module, mf.gpu_target = #mf.gpu_target<arch = "sm_90a", workgroup_bytes = 232448, cluster_blocks = 8>} {
  gpu.module @kernels {
    memref.global "public" @workgroup_memory : memref<0xi8, #gpu.address_space<workgroup>> {alignment = 128 : i64}
    gpu.func @every_op(%x: memref<?x4xf32>, %h: memref<?x8xf16>, %n: memref<?xi8>, %y: memref<?x4xf32>) kernel
        attributes {known_block_size = array<i32: 32, 1, 1>, known_cluster_size = array<i32: 1, 2, 1>} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c4 = arith.constant 4 : index
      %c512 = arith.constant 512 : index
      %all = arith.constant -1 : i32
      %five = arith.constant 5 : i32
      %warp = arith.constant 32 : i32
      %one = arith.constant 1.0 : f32
      %memory = memref.get_global @workgroup_memory : memref<0xi8, #gpu.address_space<workgroup>>
      %rows = memref.view %memory[%c0][] : memref<0xi8, #gpu.address_space<workgroup>> to !rows
      %words = memref.view %memory[%c512][] : memref<0xi8, #gpu.address_space<workgroup>> to !words
      %t = gpu.thread_id x
      %block = gpu.block_id x
      %barriers = memref.view %memory[%c512][] : memref<0xi8, #gpu.address_space<workgroup>>
          to memref<4xi64, #gpu.address_space<workgroup>>
      mf.mbarrier_init %barriers[%c0] count(1) : memref<4xi64, #gpu.address_space<workgroup>>
      nvvm.cluster.arrive
      nvvm.cluster.wait
      mf.mbarrier_expect %barriers[%c0] bytes(32) : memref<4xi64, #gpu.address_space<workgroup>>
      mf.bulk_copy %h[%c0, %c0] to %rows[%c0, %c0] elements(8) barrier(%barriers[%c0]) multicast(3)
          : memref<?x8xf16> to !rows, memref<4xi64, #gpu.address_space<workgroup>>
      mf.mbarrier_wait %barriers[%c0] parity(%five) : memref<4xi64, #gpu.address_space<workgroup>>
      %flat = memref.collapse_shape %rows [[0, 1]] : !rows into memref<256xf16, #gpu.address_space<workgroup>>
      %tokens = memref.dim %x, %c0 : memref<?x4xf32>
      %last = arith.subi %tokens, %c1 : index
      %sum = arith.addi %t, %block : index
      %product = arith.muli %sum, %c1 : index
      %quotient = arith.divui %product, %c1 : index
      %rest = arith.remui %quotient, %tokens : index
      %i = arith.minui %rest, %last : index
      %row = vector.load %x[%i, %c0] {alignment = 16 : i64} : memref<?x4xf32>, vector<4xf32>
      %half = memref.load %h[%i, %c1] : memref<?x8xf16>
      %wide = arith.extf %half : f16 to f32
      %small = memref.load %n[%i] : memref<?xi8>
      %unsigned = arith.extui %small : i8 to i32
      %signed = arith.extsi %small : i8 to i32
      %isSet = arith.cmpf oge, %wide, %one : f32
      %votes = nvvm.vote.sync ballot %all, %isSet -> i32
      %shifted = arith.shrui %votes, %five : i32
      %back = arith.shli %shifted, %five : i32
      %masked = arith.andi %back, %unsigned : i32
      %flipped = arith.xori %masked, %five : i32
      %joined = arith.ori %flipped, %signed : i32
      %less = arith.subi %joined, %five : i32
      %narrow = arith.trunci %less : i32 to i8
      memref.store %narrow, %n[%i] : memref<?xi8>
      memref.store %less, %words[%t] : !words
      nvvm.bar.warp.sync %all : i32
      %mine = memref.load %words[%t] : !words
      %index = arith.index_castui %mine : i32 to index
      %lane = arith.index_cast %index : index to i32
      %token = nvgpu.device_async_copy %h[%i, %c0], %rows[%t, %c0], 8 {bypassL1} : memref<?x8xf16> to !rows
      nvvm.cp.async.commit.group
      nvvm.cp.async.wait.group 0
      gpu.barrier
      %a = nvgpu.ldmatrix %rows[%t, %c0] {numTiles = 4 : i32, transpose = false} : !rows -> vector<4x2xf16>
      %b = nvgpu.ldmatrix %rows[%t, %c0] {numTiles = 2 : i32, transpose = true} : !rows -> vector<2x2xf16>
      %zeros = arith.constant dense<0.0> : vector<2x2xf32>
      %c = vector.insert %wide, %zeros[0, 1] : f32 into vector<2x2xf32>
      %d = nvgpu.mma.sync (%a, %b, %c) {mmaShape = [16, 8, 16]}
          : (vector<4x2xf16>, vector<2x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>
      %d0 = vector.extract %d[0, 1] : f32 from vector<2x2xf32>
      %word0 = vector.broadcast %mine : i32 to vector<1xi32>
      %bytes = vector.bitcast %word0 : vector<1xi32> to vector<4xi8>
      %turned4 = vector.shuffle %bytes, %bytes [3, 2, 1, 4] : vector<4xi8>, vector<4xi8>
      %dot = nvvm.dot.accumulate.4way %bytes <signed>, %turned4 <unsigned>, %mine : vector<4xi8>, vector<4xi8>
      %dotAsFloat = arith.sitofp %dot : i32 to f32
      %pair = vector.from_elements %half, %half : vector<2xf16>
      %word = vector.bitcast %pair : vector<2xf16> to vector<1xi32>
      %w = vector.extract %word[0] : i32 from vector<1xi32>
      %e = nvvm.mma.sync A[%w, %w, %w, %w] B[%w, %w] C[%d0, %d0, %d0, %d0]
          {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>,
           multiplicandAPtxType = #nvvm.mma_type<bf16>, multiplicandBPtxType = #nvvm.mma_type<bf16>,
           shape = #nvvm.shape<m = 16, n = 8, k = 16>} : (i32, i32, f32) -> !sums
      %e0 = llvm.extractvalue %e[0] : !sums
      %other, %valid = gpu.shuffle idx %e0, %lane, %warp : f32
      %bits = arith.bitcast %other : f32 to i32
      %again = arith.bitcast %bits : i32 to f32
      %difference = arith.subf %again, %one : f32
      %scaled = arith.mulf %difference, %one : f32
      %divided = arith.divf %scaled, %wide : f32
      %total = arith.addf %divided, %one : f32
      %more = arith.addf %total, %dotAsFloat : f32
      %negative = arith.negf %more : f32
      %positive = math.absf %negative : f32
      %root = math.sqrt %positive : f32
      %turned = math.copysign %root, %negative : f32
      %number = arith.fptosi %turned : f32 to i32
      %isEven = arith.cmpi eq, %number, %five : i32
      %rounded = arith.truncf %turned : f32 to f16
      memref.store %rounded, %h[%i, %c0] : memref<?x8xf16>
      %splat = vector.broadcast %turned : f32 to vector<4xf32>
      %first = scf.for %k = %c0 to %c4 step %c1 iter_args(%acc = %splat) -> vector<4xf32> {
        %next = math.fma %acc, %row, %splat : vector<4xf32>
        scf.yield %next : vector<4xf32>
      }
      %chosen = arith.select %isEven, %first, %splat : vector<4xf32>
      scf.if %isEven {
        vector.store %chosen, %y[%i, %c0] {alignment = 16 : i64} : memref<?x4xf32>, vector<4xf32>
      }
      gpu.return
    }
  }
}
