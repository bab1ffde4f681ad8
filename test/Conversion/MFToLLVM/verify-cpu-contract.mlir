// RUN: mf-opt %s --mf-verify-cpu-contract --split-input-file --verify-diagnostics

module attributes {mf.target = #mf.cpu_target<variant = "x86-64-v3", triple = "x86_64-unknown-linux-gnu",
    cpu = "x86-64-v3", features = "", vector_bits = 256, fma = true, l1_bytes = 32768, l2_bytes = 524288>} {
  llvm.func @mf_rt_parallel_for(!llvm.ptr, !llvm.ptr, !llvm.ptr, i64)
  llvm.func @fused(%x: f32) -> f32 {
    %0 = llvm.intr.fma(%x, %x, %x) : (f32, f32, f32) -> f32
    %1 = llvm.intr.sqrt(%0) : (f32) -> f32
    llvm.return %1 : f32
  }
}

// -----

// expected-error@+1 {{'func.func' op is not of the LLVM dialect}}
func.func @upstream() {
  return
}

// -----

// expected-error@+1 {{declares @expf, which no library links}}
llvm.func @expf(f32) -> f32

// -----

llvm.func @exponential(%x: f32) -> f32 {
  // expected-error@+1 {{would become a call of libm}}
  %0 = llvm.intr.exp(%x) : (f32) -> f32
  llvm.return %0 : f32
}

// -----

llvm.func @fused_without_target(%x: vector<4xf32>) -> vector<4xf32> {
  // expected-error@+1 {{would become a call of libm: the target has no fused products}}
  %0 = llvm.intr.fma(%x, %x, %x) : (vector<4xf32>, vector<4xf32>, vector<4xf32>) -> vector<4xf32>
  llvm.return %0 : vector<4xf32>
}
