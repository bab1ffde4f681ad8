// RUN: mf-opt %s --split-input-file --verify-diagnostics --mf-gpu-run-on-host

module attributes {gpu.container_module} {
  func.func @launch(%n: index, %bytes: i32) {
    // expected-error @+1 {{expects to be in a function of a frame}}
    gpu.launch_func @k::@f blocks in (%n, %n, %n) threads in (%n, %n, %n) dynamic_shared_memory_size %bytes
    return
  }
  gpu.module @k {
    gpu.func @f() kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
      gpu.return
    }
  }
}

// -----

gpu.module @k {
  gpu.func @f(%x: f64, %lane: i32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    %width = arith.constant 32 : i32
    // expected-error @+1 {{runs on the host with values of 32 bits and a width of 32 only}}
    %y, %valid = gpu.shuffle idx %x, %lane, %width : f64
    gpu.return
  }
}

// -----

gpu.module @k {
  gpu.func @f(%mask: i32, %p: i1) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    // expected-error @+1 {{runs on the host as a ballot only}}
    %y = nvvm.vote.sync any %mask, %p -> i1
    gpu.return
  }
}

// -----

gpu.module @k {
  gpu.func @f(%a: vector<2x2xf16>, %b: vector<1x2xf16>, %c: vector<2x2xf32>) kernel
      attributes {known_block_size = array<i32: 32, 1, 1>} {
    // expected-error @+1 {{runs on the host as m16n8k16 of f16 with f32 sums only}}
    %d = nvgpu.mma.sync (%a, %b, %c) {mmaShape = [16, 8, 8]}
        : (vector<2x2xf16>, vector<1x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>
    gpu.return
  }
}

// -----

gpu.module @k {
  memref.global "public" @table : memref<4xf32>
  gpu.func @f() kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    // expected-error @+1 {{has no meaning on the host}}
    %t = memref.get_global @table : memref<4xf32>
    gpu.return
  }
}

// -----

gpu.module @k {
  gpu.func @f(%x: f32) kernel attributes {known_block_size = array<i32: 32, 1, 1>} {
    // expected-error @+1 {{is not among the ops that a kernel may hold}}
    %y = math.exp %x : f32
    gpu.return
  }
}
