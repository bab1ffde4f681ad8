// RUN: mf-opt %s --mf-gpu-launch-on-cuda --split-input-file --verify-diagnostics

module attributes {gpu.container_module} {
  func.func @no_frame(%n: index) {
    // expected-error @+1 {{expects to be in a function of a frame}}
    gpu.launch_func @k::@f blocks in (%n, %n, %n) threads in (%n, %n, %n)
    return
  }
  gpu.module @k {
    gpu.func @f() kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
      gpu.return
    }
  }
}

// -----

func.func @reads_on_the_host(%frame: !mf.frame) {
  %n = mf.frame_dim %frame[0] : index
  %x = mf.frame_operand %frame[0] (%n) : memref<?xf32>
  // expected-error @+1 {{runs on the host and expects no memory of the device: it belongs into a kernel}}
  %y = memref.load %x[%n] : memref<?xf32>
  return
}
