// RUN: mf-opt %s --mf-verify-gpu-kernel-contract --split-input-file --verify-diagnostics

// What the contract asks for.
module attributes {gpu.container_module, mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 1024>} {
  func.func @launches(%n: index) {
    %bytes = arith.constant 1024 : i32
    gpu.launch_func @k::@f blocks in (%n, %n, %n) threads in (%n, %n, %n) dynamic_shared_memory_size %bytes
    return
  }
  gpu.module @k {
    gpu.func @f() kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
      gpu.barrier
      gpu.return
    }
  }
}

// -----

// expected-error @+1 {{expects the attribute 'mf.gpu_target', a #mf.gpu_target}}
module {}

// -----

module attributes {gpu.container_module, mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 1024>} {
  func.func @too_much(%n: index) {
    %bytes = arith.constant 1025 : i32
    // expected-error @+1 {{expects a constant number of bytes of workgroup memory, 1024 at most on sm_80}}
    gpu.launch_func @k::@f blocks in (%n, %n, %n) threads in (%n, %n, %n) dynamic_shared_memory_size %bytes
    return
  }
  gpu.module @k {
    // expected-error @+1 {{expects 'known_block_size' to be whole warps of one dimension}}
    gpu.func @f() kernel attributes {known_block_size = array<i32: 48, 1, 1>} {
      gpu.return
    }
    gpu.func @g(%x: f32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
      // expected-error @+2 {{'math.exp' op is not among the ops that a kernel may hold}}
      // expected-note @+1 {{a kernel may hold arith.addf, }}
      %y = math.exp %x : f32
      gpu.return
    }
  }
}

// -----

module attributes {mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 1024>} {
  gpu.module @k {
    // expected-error @+1 {{expects 'known_cluster_size' to be up to 1 blocks along y on sm_80}}
    gpu.func @f() kernel
        attributes {known_block_size = array<i32: 64, 1, 1>, known_cluster_size = array<i32: 1, 2, 1>} {
      gpu.return
    }
    gpu.func @g(%b: memref<1xi64, #gpu.address_space<workgroup>>) kernel
        attributes {known_block_size = array<i32: 64, 1, 1>} {
      %c0 = arith.constant 0 : index
      // expected-error @+1 {{'mf.mbarrier_init' op needs a target with clusters}}
      mf.mbarrier_init %b[%c0] count(1) : memref<1xi64, #gpu.address_space<workgroup>>
      gpu.return
    }
  }
}

// -----

module attributes {mf.gpu_target = #mf.gpu_target<arch = "sm_80", workgroup_bytes = 1024>} {
  func.func @left(%x: memref<?x8xf32>) {
    // expected-error @+1 {{expects a kernel, which convert-mf-to-gpu builds}}
    mf.add ins(%x, %x : memref<?x8xf32>, memref<?x8xf32>) outs(%x : memref<?x8xf32>)
    return
  }
}
