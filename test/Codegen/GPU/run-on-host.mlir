// RUN: mf-opt %s --split-input-file --mf-gpu-run-on-host --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,PLAIN
// RUN: mf-opt %s --split-input-file --mf-gpu-run-on-host=checked=true --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,CHECKED

// A launch passes the frame, the kernel's description and the arguments, as a structure on the stack.
// CHECK-LABEL: func.func @launch(
// CHECK-SAME: %[[FRAME:.+]]: !mf.frame
// CHECK-DAG: %[[ARGUMENTS:.+]] = llvm.alloca
// CHECK-DAG: %[[POINTER:.+]] = builtin.unrealized_conversion_cast %[[FRAME]] : !mf.frame to !llvm.ptr
// CHECK-DAG: %[[KERNEL:.+]] = llvm.mlir.addressof @kernels.turn.kernel
// CHECK: %[[FIELD:.+]] = llvm.getelementptr %[[ARGUMENTS]]
// CHECK: llvm.store %{{.+}}, %[[FIELD]]
// CHECK: llvm.call @mf_rt_gpu_launch(%[[POINTER]], %[[KERNEL]], %[[ARGUMENTS]], %{{.+}}, %{{.+}}, %{{.+}}, %{{.+}})
// CHECK-NOT: gpu.

// Workgroup memory, indices and the barrier are the runtime's; memory spaces are gone.
// CHECK-LABEL: func.func private @kernels.turn(
// CHECK-SAME: %[[X:.+]]: memref<?xf32>, %[[THREAD:.+]]: !llvm.ptr)
// CHECKED: call @mf_rt_gpu_enter(%[[THREAD]], %{{.+}})
// CHECK: llvm.load %{{.+}} invariant
// CHECK: %[[W:.+]] = memref.view %{{.+}} : memref<0xi8> to memref<32xf32>
// CHECKED: call @mf_rt_gpu_check_index(%[[THREAD]]
// CHECKED: call @mf_rt_gpu_access(%[[THREAD]]
// PLAIN-NOT: mf_rt_gpu_access
// CHECK: memref.load %[[X]]
// CHECKED: call @mf_rt_gpu_access(%[[THREAD]]
// CHECK: memref.store %{{.+}}, %[[W]][%{{.+}}] : memref<32xf32>
// CHECK: call @mf_rt_gpu_barrier(%[[THREAD]], %{{.+}})
// CHECK: return

// The thunk reads the arguments.
// CHECK-LABEL: llvm.func internal @kernels.turn.thunk(
// CHECK-SAME: %[[PACKED:.+]]: !llvm.ptr, %[[T:.+]]: !llvm.ptr
// CHECK: llvm.load
// CHECK: call @kernels.turn(%{{.+}}, %[[T]])

// CHECK: llvm.mlir.global internal constant @{{.+}}("turn\00")
// CHECKED: llvm.mlir.global internal constant @{{.+}}("op {{[0-9]+}}, 'memref.load', of {{.*}}run-on-host.mlir
// Of one execution of its one region: a load, a store, a barrier.
// CHECKED: llvm.mlir.global internal constant @kernels.turn.regions(dense<[0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0]>
// CHECK: llvm.mlir.global internal constant @kernels.turn.kernel()
module attributes {gpu.container_module} {
  func.func @launch(%frame: !mf.frame) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c32 = arith.constant 32 : index
    %bytes = arith.constant 128 : i32
    %n = mf.frame_dim %frame[0] : index
    %x = mf.frame_operand %frame[0] (%n) : memref<?xf32>
    gpu.launch_func @kernels::@turn blocks in (%n, %c1, %c1) threads in (%c32, %c1, %c1)
        dynamic_shared_memory_size %bytes args(%x : memref<?xf32>)
    return
  }
  gpu.module @kernels {
    memref.global "public" @workgroup_memory : memref<0xi8, #gpu.address_space<workgroup>> {alignment = 128 : i64}
    gpu.func @turn(%x: memref<?xf32>) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
      %c0 = arith.constant 0 : index
      %i = gpu.thread_id x
      %memory = memref.get_global @workgroup_memory : memref<0xi8, #gpu.address_space<workgroup>>
      %w = memref.view %memory[%c0][] : memref<0xi8, #gpu.address_space<workgroup>>
          to memref<32xf32, #gpu.address_space<workgroup>>
      %a = memref.load %x[%i] : memref<?xf32>
      memref.store %a, %w[%i] : memref<32xf32, #gpu.address_space<workgroup>>
      gpu.barrier
      gpu.return
    }
  }
}
