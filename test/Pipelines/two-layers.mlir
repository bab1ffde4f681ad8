// A step function of two layers, one cache each, through the stages.
// RUN: mf-opt %s --mf-compile-pipeline="cpu=x86-64-v3 to=tile" | FileCheck %s --check-prefix=TILE
// RUN: mf-opt %s --mf-compile-pipeline="cpu=x86-64-v3 to=bufferize" > %t.bufferize
// RUN: FileCheck %s --check-prefix=BUFFERIZE < %t.bufferize
// RUN: mf-opt %t.bufferize --mf-outline-kernels --canonicalize --cse --mf-share-kernels \
// RUN:   | FileCheck %s --check-prefix=KERNELS

// One stage after the other is the same as all of them.
// RUN: mf-opt %s --mf-compile-pipeline=cpu=x86-64-v3 > %t.all
// RUN: mf-opt %s --mf-model-pipeline --mf-strategy-pipeline=cpu=x86-64-v3 --mf-tile-pipeline --mf-pack-pipeline \
// RUN:   --mf-bufferize-pipeline --mf-cpu-pipeline > %t.stages
// RUN: diff %t.all %t.stages
// RUN: FileCheck %s --check-prefix=CPU < %t.all

// Row-wise ops between two lookups or attentions share a loop over tokens; lookups in strips have their own.
// TILE-LABEL: func.func @step(
// TILE: scf.forall (%{{.*}}) = (0) to (%{{.*}}) step (16)
// TILE: mf.embedding
// TILE: mf.rms_norm
// TILE: mf.hash
// TILE: scf.forall (%{{.*}}) = (0) to (%{{.*}}) step (512)
// TILE: mf.lookup {{.*}}tables(%{{.*}}, %{{.*}} : tensor<1x2x16x16xf32>, tensor<1x2x16x16xf32>)
// TILE: scf.forall (%{{.*}}) = (0) to (%{{.*}}) step (16)
// TILE: mf.rope
// TILE: scf.forall (%{{.*}}) in (2)
// TILE: mf.update_state
// TILE: scf.forall (%{{.*}}, %{{.*}}) = (0, 0) to (2, %{{.*}}) step (1, 192)
// TILE: mf.cached_attention
// TILE: scf.forall (%{{.*}}) = (0) to (%{{.*}}) step (16)
// TILE: mf.add
// TILE: mf.rms_norm
// TILE: mf.hash
// TILE: mf.lookup
// TILE: mf.rope
// TILE: mf.update_state
// TILE: mf.cached_attention
// TILE: scf.forall (%{{.*}}) = (0) to (%{{.*}}) step (16)
// TILE: mf.add
// TILE: scf.forall (%{{.*}}) = (0) to (%{{.*}}) step (16)
// TILE: mf.embedding
// TILE: scf.forall (%{{.*}}) = (0) to (%{{.*}}) step (96)
// TILE: mf.linear

// Nothing is copied. States are updated where they are, logits are written where they are wanted.
// BUFFERIZE-NOT: mf.parameter
// BUFFERIZE-LABEL: func.func @step(
// BUFFERIZE-NOT: memref.alloc
// BUFFERIZE-NOT: memref.copy
// BUFFERIZE: %[[K0:.*]] = mf.frame_operand %{{.*}}[4]
// BUFFERIZE: %[[K1:.*]] = mf.frame_operand %{{.*}}[5]
// BUFFERIZE: %[[LOGITS:.*]] = mf.frame_operand %{{.*}}[6]
// BUFFERIZE-NOT: memref.copy
// BUFFERIZE: %[[NEW0:.*]] = memref.subview %[[K0]]
// BUFFERIZE-NOT: memref.copy
// BUFFERIZE: mf.update_state {{.*}}outs(%[[NEW0]]
// BUFFERIZE-NOT: memref.copy
// BUFFERIZE: %[[OLD0:.*]] = memref.subview %[[K0]]
// BUFFERIZE-NOT: memref.copy
// BUFFERIZE: mf.cached_attention {{.*}}ins(%{{.*}}, %[[OLD0]], %[[OLD0]],
// BUFFERIZE-NOT: memref.copy
// BUFFERIZE: %[[NEW1:.*]] = memref.subview %[[K1]]
// BUFFERIZE-NOT: memref.copy
// BUFFERIZE: mf.update_state {{.*}}outs(%[[NEW1]]
// BUFFERIZE-NOT: memref.copy
// BUFFERIZE: %[[OUT:.*]] = memref.subview %[[LOGITS]]
// BUFFERIZE: mf.linear {{.*}}outs(%[[OUT]]
// BUFFERIZE-NOT: memref.copy
// BUFFERIZE-LABEL: func.func @step.workspace(%{{.*}}: !mf.frame) -> i64

// The layers share the kernels of their lookups, rotations, updates and attentions.
// KERNELS-LABEL: func.func @step(
// KERNELS: mf.parallel_for @step_kernel_0 on
// KERNELS: mf.parallel_for @step_kernel_1 on
// KERNELS: mf.parallel_for @step_kernel_2 on
// KERNELS: mf.parallel_for @step_kernel_3 on
// KERNELS: mf.parallel_for @step_kernel_4 on
// KERNELS: mf.parallel_for @step_kernel_5 on
// KERNELS: mf.parallel_for @step_kernel_1 on
// KERNELS: mf.parallel_for @step_kernel_2 on
// KERNELS: mf.parallel_for @step_kernel_3 on
// KERNELS: mf.parallel_for @step_kernel_4 on
// KERNELS: mf.parallel_for @step_kernel_10 on
// KERNELS: mf.parallel_for @step_kernel_11 on
// KERNELS: mf.parallel_for @step_kernel_12 on
// KERNELS-NOT: @step_kernel_6
// KERNELS-NOT: @step_kernel_9

// CPU: llvm.func @mf_rt_parallel_for(
// CPU: llvm.func @step(%{{.*}}: !llvm.ptr) attributes {mf.entry =
// CPU: llvm.func @step.workspace(%{{.*}}: !llvm.ptr) -> i64

!ids = tensor<?xi32>
!x = tensor<?x8xf32>
!h = tensor<?x2x4xf32>
!c = tensor<?x2xi8>
!s = tensor<?x2xf32>
!t = tensor<2x16x8xf32>
!w = tensor<8xf32>
!a = tensor<32x1x2xf32>
!k = tensor<?x2x?x4xf32>

mf.parameter @q0 : !t from #mf.random<seed = 0, scale = 1.0 : f64>
mf.parameter @k0 : !t from #mf.random<seed = 1, scale = 1.0 : f64>
mf.parameter @n0 : !w from #mf.fill<1.0 : f64>
mf.parameter @q1 : !t from #mf.random<seed = 2, scale = 1.0 : f64>
mf.parameter @k1 : !t from #mf.random<seed = 3, scale = 1.0 : f64>
mf.parameter @n1 : !w from #mf.fill<1.0 : f64>
mf.parameter @table : tensor<20x8xf32> from #mf.random<seed = 8, scale = 1.0 : f64>
mf.parameter @head : tensor<20x8xf32> from #mf.random<seed = 9, scale = 1.0 : f64>
mf.parameter @angles : !a from #mf.rotary_angles<base = 1.0e+04 : f64>

func.func @step(%tokens: !ids {mf.name = "tokens", mf.dims = ["tokens"]},
                %slots: !ids {mf.name = "slots", mf.dims = ["tokens"]},
                %positions: !ids {mf.name = "positions", mf.dims = ["tokens"]},
                %rows: !ids {mf.name = "rows", mf.dims = ["rows"]},
                %cache0: !k {mf.name = "keys.0", mf.state, mf.dims = ["sequences", "", "positions", ""]},
                %cache1: !k {mf.name = "keys.1", mf.state, mf.dims = ["sequences", "", "positions", ""]})
    -> (tensor<?x20xf32> {mf.name = "logits", mf.dims = ["rows", ""]},
        !k {mf.name = "keys.0", mf.state, mf.dims = ["sequences", "", "positions", ""]},
        !k {mf.name = "keys.1", mf.state, mf.dims = ["sequences", "", "positions", ""]}) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %tokens, %c0 : !ids
  %R = tensor.dim %rows, %c0 : !ids
  %table = mf.get_parameter @table : tensor<20x8xf32>
  %head = mf.get_parameter @head : tensor<20x8xf32>
  %angles = mf.get_parameter @angles : !a
  %e = tensor.empty(%T) : !x
  %eh = tensor.empty(%T) : !h
  %ec = tensor.empty(%T) : !c
  %es = tensor.empty(%T) : !s
  %x0 = mf.embedding ins(%tokens, %table : !ids, tensor<20x8xf32>) outs(%e : !x) -> !x

  %p0 = mf.get_parameter @n0 : !w
  %tq0 = mf.get_parameter @q0 : !t
  %tk0 = mf.get_parameter @k0 : !t
  %n0 = mf.rms_norm ins(%x0, %p0 : !x, !w) outs(%e : !x) -> !x
  %c0x, %s0 = mf.hash magnitude bits(4) ins(%n0 : !x) outs(%ec, %es : !c, !s) -> !c, !s
  %qf0 = mf.lookup ins(%c0x, %s0 : !c, !s) tables(%tq0 : !t) outs(%e : !x) -> !x
  %kf0 = mf.lookup ins(%c0x, %s0 : !c, !s) tables(%tk0 : !t) outs(%e : !x) -> !x
  %q0 = tensor.expand_shape %qf0 [[0], [1, 2]] output_shape [%T, 2, 4] : !x into !h
  %k0 = tensor.expand_shape %kf0 [[0], [1, 2]] output_shape [%T, 2, 4] : !x into !h
  %kr0 = mf.rope ins(%k0, %positions, %angles : !h, !ids, !a) outs(%eh : !h) -> !h
  %new0 = mf.update_state ins(%kr0, %slots, %positions : !h, !ids, !ids) outs(%cache0 : !k) -> !k
  %a0 = mf.cached_attention scale(0.5) ins(%q0, %new0, %new0, %slots, %positions : !h, !k, !k, !ids, !ids)
      outs(%eh : !h) -> !h
  %f0 = tensor.collapse_shape %a0 [[0], [1, 2]] : !h into !x
  %x1 = mf.add ins(%x0, %f0 : !x, !x) outs(%e : !x) -> !x

  %p1 = mf.get_parameter @n1 : !w
  %tq1 = mf.get_parameter @q1 : !t
  %tk1 = mf.get_parameter @k1 : !t
  %n1 = mf.rms_norm ins(%x1, %p1 : !x, !w) outs(%e : !x) -> !x
  %c1x, %s1 = mf.hash magnitude bits(4) ins(%n1 : !x) outs(%ec, %es : !c, !s) -> !c, !s
  %qf1 = mf.lookup ins(%c1x, %s1 : !c, !s) tables(%tq1 : !t) outs(%e : !x) -> !x
  %kf1 = mf.lookup ins(%c1x, %s1 : !c, !s) tables(%tk1 : !t) outs(%e : !x) -> !x
  %q1 = tensor.expand_shape %qf1 [[0], [1, 2]] output_shape [%T, 2, 4] : !x into !h
  %k1 = tensor.expand_shape %kf1 [[0], [1, 2]] output_shape [%T, 2, 4] : !x into !h
  %kr1 = mf.rope ins(%k1, %positions, %angles : !h, !ids, !a) outs(%eh : !h) -> !h
  %new1 = mf.update_state ins(%kr1, %slots, %positions : !h, !ids, !ids) outs(%cache1 : !k) -> !k
  %a1 = mf.cached_attention scale(0.5) ins(%q1, %new1, %new1, %slots, %positions : !h, !k, !k, !ids, !ids)
      outs(%eh : !h) -> !h
  %f1 = tensor.collapse_shape %a1 [[0], [1, 2]] : !h into !x
  %x2 = mf.add ins(%x1, %f1 : !x, !x) outs(%e : !x) -> !x

  %er = tensor.empty(%R) : !x
  %g = mf.embedding ins(%rows, %x2 : !ids, !x) outs(%er : !x) -> !x
  %el = tensor.empty(%R) : tensor<?x20xf32>
  %logits = mf.linear ins(%g, %head : !x, tensor<20x8xf32>) outs(%el : tensor<?x20xf32>) -> tensor<?x20xf32>
  return %logits, %new0, %new1 : tensor<?x20xf32>, !k, !k
}
