// RUN: mf-opt %s --mf-cpu-set-target | FileCheck %s --check-prefix=BEST
// RUN: mf-opt %s --mf-cpu-set-target=cpu=x86-64-v4 | FileCheck %s --check-prefix=V4
// RUN: mf-opt %s --mf-cpu-set-target=cpu=x86-64-v3 | FileCheck %s --check-prefix=V3
// RUN: mf-opt %s --mf-cpu-set-target=cpu=x86-64-v2 | FileCheck %s --check-prefix=V2
// RUN: mf-opt %s --mf-cpu-set-target=cpu=znver4 | FileCheck %s --check-prefix=ZNVER4
// RUN: mf-opt %s --mf-cpu-set-target=cpu=skylake-avx512 | FileCheck %s --check-prefix=SKYLAKE
// RUN: mf-opt %s --mf-cpu-set-target=triple=aarch64-unknown-linux-gnu | FileCheck %s --check-prefix=AARCH64
// RUN: mf-opt %s --mf-cpu-set-target="triple=aarch64-unknown-linux-gnu cpu=neoverse-n1" | FileCheck %s --check-prefix=N1
// RUN: mf-opt %s --mf-cpu-set-target=cpu=x86-64-v2 --mf-cpu-set-target=cpu=x86-64-v3 | FileCheck %s --check-prefix=V2
// RUN: not mf-opt %s --mf-cpu-set-target=cpu=nosuch 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not mf-opt %s --mf-cpu-set-target=triple=riscv64-unknown-linux-gnu 2>&1 | FileCheck %s --check-prefix=ARCHITECTURE

// The best default variant of the architecture.
// BEST: mf.target = #mf.cpu_target<variant = "x86-64-v4-vnni-bf16", triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4",
// BEST-SAME: +avx512vnni,+avx512bf16", vector_bits = 512, fma = true

// V4: variant = "x86-64-v4"
// V4-SAME: +avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl", vector_bits = 512, fma = true

// Features that cannot be checked at run time (fxsr, cmov, xsave, ...) are left out.
// V3: variant = "x86-64-v3"
// V3-SAME: features = "+cx16,+sahf,+popcnt,+sse3,+ssse3,+sse4.1,+sse4.2,+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe",
// V3-SAME: vector_bits = 256, fma = true

// A target that is there stays.
// V2: variant = "x86-64-v2"
// V2-SAME: features = "+cx16,+sahf,+popcnt,+sse3,+ssse3,+sse4.1,+sse4.2", vector_bits = 128, fma = false

// ZNVER4: variant = "znver4", triple = "x86_64-unknown-linux-gnu", cpu = "znver4"
// ZNVER4-SAME: +avx512vnni,+avx512bf16
// SKYLAKE: cpu = "skylake-avx512"
// SKYLAKE-NOT: avx512vnni
// SKYLAKE: vector_bits = 512

// AARCH64: variant = "aarch64", triple = "aarch64-unknown-linux-gnu", cpu = "generic", features = "+fp-armv8,+neon",
// AARCH64-SAME: vector_bits = 128, fma = true
// N1: cpu = "neoverse-n1"
// N1-SAME: +dotprod

// UNKNOWN: expects a CPU that LLVM knows for 'x86_64-unknown-linux-gnu', found 'nosuch'
// ARCHITECTURE: expects a triple of x86_64 or aarch64, found 'riscv64-unknown-linux-gnu'
module {}
