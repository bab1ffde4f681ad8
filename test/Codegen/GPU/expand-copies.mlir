// RUN: mf-opt %s --pass-pipeline='builtin.module(gpu.module(mf-gpu-expand-copies))' | FileCheck %s --implicit-check-not=mf.
!workgroup = memref<3x16x8xf16, #gpu.address_space<workgroup>>
!barriers = memref<3xi64, #gpu.address_space<workgroup>>
gpu.module @kernels {
  // CHECK-LABEL: gpu.func @copy
  // CHECK-DAG: %[[TO:.*]] = llvm.addrspacecast %{{.*}} : !llvm.ptr<3> to !llvm.ptr<7>
  // CHECK-DAG: %[[FROM:.*]] = llvm.addrspacecast %{{.*}} : !llvm.ptr to !llvm.ptr<1>
  // CHECK-DAG: %[[BYTES:.*]] = llvm.mlir.constant(128 : i32)
  // CHECK-DAG: %[[MASK:.*]] = llvm.mlir.constant(3 : i16)
  // CHECK: nvvm.cp.async.bulk.shared.cluster.global %[[TO]], %[[FROM]], %{{.*}}, %[[BYTES]] multicast_mask = %[[MASK]]
  // CHECK: nvvm.cp.async.bulk.shared.cluster.global
  // CHECK-NOT: multicast
  gpu.func @copy(%x: memref<16x8xf16>, %w: !workgroup, %b: !barriers, %i: index) {
    mf.bulk_copy %x[%i, %i] to %w[%i, %i, %i] elements(64) barrier(%b[%i]) multicast(3)
        : memref<16x8xf16> to !workgroup, !barriers
    mf.bulk_copy %x[%i, %i] to %w[%i, %i, %i] elements(64) barrier(%b[%i]) : memref<16x8xf16> to !workgroup, !barriers
    gpu.return
  }
  // CHECK-LABEL: gpu.func @barriers
  // CHECK: nvvm.mbarrier.init
  // CHECK: nvvm.fence.mbarrier.init
  // CHECK: nvvm.mbarrier.arrive.expect_tx
  // CHECK: nvvm.mbarrier.try_wait.parity
  gpu.func @barriers(%b: !barriers, %i: index, %parity: i32) {
    mf.mbarrier_init %b[%i] count(1) : !barriers
    mf.mbarrier_expect %b[%i] bytes(128) : !barriers
    mf.mbarrier_wait %b[%i] parity(%parity) : !barriers
    gpu.return
  }
}
