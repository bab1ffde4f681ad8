// Row-wise kernels: norms, rotary embedding, embedding, sums, sequence state.
// RUN: mf-opt %s --convert-mf-to-vector --canonicalize --cse | FileCheck %s

// 19 features in vectors of 4: no whole step of four sums, four vectors, then 2 + 1.
// CHECK-LABEL: func.func @rms_norm(
// CHECK-SAME: %[[X:.*]]: memref<?x19xf32>, %[[SCALE:.*]]: memref<19xf16>, %[[Y:.*]]: memref<?x19xf32>
// CHECK-DAG: %[[EPS:.*]] = arith.constant 9.99999993E-9 : f32
// CHECK-DAG: %[[COUNT:.*]] = arith.constant 1.900000e+01 : f32
// CHECK: scf.for %[[T:.*]] =
// CHECK-COUNT-4: vector.load %[[X]][%[[T]], %{{.*}}] : memref<?x19xf32>, vector<4xf32>
// CHECK: vector.load %[[X]][%[[T]], %c16] : memref<?x19xf32>, vector<2xf32>
// CHECK: memref.load %[[X]][%[[T]], %c18]
// CHECK: %[[MEAN:.*]] = arith.divf %{{.*}}, %[[COUNT]]
// CHECK: %[[ROOT:.*]] = math.sqrt %[[MEAN]]
// CHECK: %[[DENOMINATOR:.*]] = arith.addf %[[ROOT]], %[[EPS]]
// CHECK: arith.divf %{{.*}}, %[[DENOMINATOR]]
// CHECK: scf.for %[[I:.*]] = %c0 to %c16 step %c4
// CHECK: vector.store %{{.*}}, %[[Y]][%[[T]], %[[I]]] : memref<?x19xf32>, vector<4xf32>
// CHECK: vector.store %{{.*}}, %[[Y]][%[[T]], %c16] : memref<?x19xf32>, vector<2xf32>
// CHECK: memref.store %{{.*}}, %[[Y]][%[[T]], %c18]
func.func @rms_norm(%x: memref<?x19xf32>, %scale: memref<19xf16>, %y: memref<?x19xf32>) {
  mf.rms_norm strategy(#mf.cpu_rows<tokens = 16, lanes = 4>) ins(%x, %scale : memref<?x19xf32>, memref<19xf16>)
      outs(%y : memref<?x19xf32>) {eps = 1.0e-8 : f64}
  return
}

// Two passes over the row before the one that writes: the mean, then the squares of what is left.
// CHECK-LABEL: func.func @layer_norm(
// CHECK: scf.for
// CHECK: scf.for {{.*}} = %c0 to %c32 step %c16 iter_args
// CHECK: %[[MEAN:.*]] = arith.divf
// CHECK: scf.for {{.*}} = %c0 to %c32 step %c16 iter_args
// CHECK: %[[MEANS:.*]] = vector.broadcast %[[MEAN]]
// CHECK: arith.subf %{{.*}}, %[[MEANS]]
// CHECK: math.sqrt
// CHECK: scf.for {{.*}} = %c0 to %c32 step %c4
func.func @layer_norm(%x: memref<?x32xf32>, %w: memref<32xf32>, %b: memref<32xf32>, %y: memref<?x32xf32>) {
  mf.layer_norm strategy(#mf.cpu_rows<tokens = 16, lanes = 4>)
      ins(%x, %w, %b : memref<?x32xf32>, memref<32xf32>, memref<32xf32>) outs(%y : memref<?x32xf32>)
  return
}

// Halves of 3 of 7 features: a vector of 2, a scalar, and one feature that passes. Positions are clamped.
// CHECK-LABEL: func.func @rope(
// CHECK-SAME: %[[X:.*]]: memref<?x2x7xf32>, %[[P:.*]]: memref<?xi32>, %{{.*}}: memref<16x3x2xf32>, %[[Y:.*]]: memref<?x2x7xf32>
// CHECK: scf.for %[[T:.*]] =
// CHECK: %[[POSITION:.*]] = memref.load %[[P]][%[[T]]]
// CHECK: %[[INDEX:.*]] = arith.index_cast %[[POSITION]]
// CHECK: %[[BELOW:.*]] = arith.minsi %[[INDEX]], %c15
// CHECK: %[[ROW:.*]] = arith.maxsi %[[BELOW]], %c0
// CHECK: %[[PAIRS:.*]] = vector.load %{{.*}}[%[[ROW]], %c0] : {{.*}}, vector<4xf32>
// CHECK: vector.shuffle %[[PAIRS]], %[[PAIRS]] [0, 2]
// CHECK: vector.shuffle %[[PAIRS]], %[[PAIRS]] [1, 3]
// CHECK: scf.for %[[H:.*]] = %c0 to %c2
// CHECK: vector.load %[[X]][%[[T]], %[[H]], %c0]
// CHECK: vector.load %[[X]][%[[T]], %[[H]], %c3]
// CHECK: vector.store %{{.*}}, %[[Y]][%[[T]], %[[H]], %c0]
// CHECK: vector.store %{{.*}}, %[[Y]][%[[T]], %[[H]], %c3]
// CHECK: scf.for %[[H1:.*]] = %c0 to %c2
// CHECK: memref.store %{{.*}}, %[[Y]][%[[T]], %[[H1]], %c2]
// CHECK: memref.store %{{.*}}, %[[Y]][%[[T]], %[[H1]], %c5]
// CHECK: %[[PASSES:.*]] = memref.load %[[X]][%[[T]], %{{.*}}, %c6]
// CHECK: memref.store %[[PASSES]], %[[Y]][%[[T]], %{{.*}}, %c6]
func.func @rope(%x: memref<?x2x7xf32>, %p: memref<?xi32>, %angles: memref<16x3x2xf32>, %y: memref<?x2x7xf32>) {
  mf.rope strategy(#mf.cpu_rows<tokens = 16, lanes = 4>)
      ins(%x, %p, %angles : memref<?x2x7xf32>, memref<?xi32>, memref<16x3x2xf32>) outs(%y : memref<?x2x7xf32>)
  return
}

// CHECK-LABEL: func.func @embedding(
// CHECK-SAME: %[[IDS:.*]]: memref<?xi64>, %[[TABLE:.*]]: memref<?x8xf32>, %[[Y:.*]]: memref<?x8xf32>
// CHECK: scf.for %[[T:.*]] =
// CHECK: memref.load %[[IDS]][%[[T]]]
// CHECK: arith.minsi
// CHECK: %[[ROW:.*]] = arith.maxsi
// CHECK: %[[E:.*]] = vector.load %[[TABLE]][%[[ROW]], %c0] : memref<?x8xf32>, vector<8xf32>
// CHECK: vector.store %[[E]], %[[Y]][%[[T]], %c0]
func.func @embedding(%ids: memref<?xi64>, %table: memref<?x8xf32>, %y: memref<?x8xf32>) {
  mf.embedding strategy(#mf.cpu_rows<tokens = 16, lanes = 8>) ins(%ids, %table : memref<?xi64>, memref<?x8xf32>)
      outs(%y : memref<?x8xf32>)
  return
}

// CHECK-LABEL: func.func @add(
// CHECK: arith.addf %{{.*}} : vector<4xf32>
// CHECK: arith.addf %{{.*}} : f32
func.func @add(%a: memref<?x5xf32>, %b: memref<?x5xf32>, %y: memref<?x5xf32>) {
  mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 4>) ins(%a, %b : memref<?x5xf32>, memref<?x5xf32>)
      outs(%y : memref<?x5xf32>)
  return
}

// CHECK-LABEL: func.func @update_state(
// CHECK-SAME: %[[X:.*]]: memref<?x2x8xf32>, %[[SLOTS:.*]]: memref<?xi32>, %[[P:.*]]: memref<?xi32>, %[[STATE:.*]]: memref<?x2x?x8xf32>
// CHECK: scf.for %[[T:.*]] =
// CHECK: %[[S:.*]] = memref.load %[[SLOTS]][%[[T]]]
// CHECK: %[[SLOT:.*]] = arith.index_cast %[[S]]
// CHECK: %[[Q:.*]] = memref.load %[[P]][%[[T]]]
// CHECK: %[[POSITION:.*]] = arith.index_cast %[[Q]]
// CHECK: scf.for %[[H:.*]] =
// CHECK: %[[ROW:.*]] = vector.load %[[X]][%[[T]], %[[H]], %c0]
// CHECK: vector.store %[[ROW]], %[[STATE]][%[[SLOT]], %[[H]], %[[POSITION]], %c0]
func.func @update_state(%x: memref<?x2x8xf32>, %s: memref<?xi32>, %p: memref<?xi32>, %state: memref<?x2x?x8xf32>) {
  mf.update_state strategy(#mf.cpu_rows<tokens = 0, lanes = 8>)
      ins(%x, %s, %p : memref<?x2x8xf32>, memref<?xi32>, memref<?xi32>) outs(%state : memref<?x2x?x8xf32>)
  return
}

// One row for all tokens.
// CHECK-LABEL: func.func @add_bias(
// CHECK-SAME: %[[A:.*]]: memref<?x4xf32>, %[[B:.*]]: memref<4xf16>, %{{.*}}: memref<?x4xf32>)
// CHECK: vector.load %[[A]][%{{.*}}, %c0]
// CHECK: vector.load %[[B]][%c0] : memref<4xf16>
func.func @add_bias(%a: memref<?x4xf32>, %b: memref<4xf16>, %y: memref<?x4xf32>) {
  mf.add strategy(#mf.cpu_rows<tokens = 16, lanes = 4>) ins(%a, %b : memref<?x4xf32>, memref<4xf16>)
      outs(%y : memref<?x4xf32>)
  return
}

// The same constant, but added before the root is taken.
// CHECK-LABEL: func.func @rms_norm_eps_inside(
// CHECK: %[[EPS:.*]] = arith.constant 9.99999974E-6 : f32
// CHECK: %[[SUM:.*]] = arith.addf %{{.*}}, %[[EPS]]
// CHECK: %[[ROOT:.*]] = math.sqrt %[[SUM]]
// CHECK-NOT: arith.addf
// CHECK: arith.divf %{{.*}}, %[[ROOT]]
func.func @rms_norm_eps_inside(%x: memref<?x4xf32>, %scale: memref<4xf32>, %y: memref<?x4xf32>) {
  mf.rms_norm strategy(#mf.cpu_rows<tokens = 16, lanes = 4>) ins(%x, %scale : memref<?x4xf32>, memref<4xf32>)
      outs(%y : memref<?x4xf32>) {eps = 1.0e-5 : f64, eps_inside_root}
  return
}

// Bias before, factor behind. An exact GELU has one exponential and no quotient, the logistic forms have both.
// CHECK-LABEL: func.func @gelu(
// CHECK-SAME: %[[X:.*]]: memref<?x4xf32>, %[[B:.*]]: memref<4xf32>
// CHECK: %[[XV:.*]] = vector.load %[[X]]
// CHECK: %[[BV:.*]] = vector.load %[[B]]
// CHECK: arith.addf %[[XV]], %[[BV]]
// CHECK-NOT: arith.divf
// CHECK: math.copysign
// CHECK-NOT: arith.divf
// CHECK: vector.store
func.func @gelu(%x: memref<?x4xf32>, %b: memref<4xf32>, %y: memref<?x4xf32>) {
  mf.activation gelu strategy(#mf.cpu_rows<tokens = 16, lanes = 4>) ins(%x : memref<?x4xf32>) bias(%b : memref<4xf32>)
      outs(%y : memref<?x4xf32>)
  return
}

// CHECK-LABEL: func.func @silu(
// CHECK-SAME: %{{.*}}: memref<?x4xf32>, %[[F:.*]]: memref<?x4xf32>, %[[Y:.*]]: memref<?x4xf32>
// CHECK: %[[S:.*]] = arith.divf
// CHECK: %[[FV:.*]] = vector.load %[[F]]
// CHECK: %[[P:.*]] = arith.mulf %[[S]], %[[FV]]
// CHECK: vector.store %[[P]], %[[Y]]
func.func @silu(%x: memref<?x4xf32>, %f: memref<?x4xf32>, %y: memref<?x4xf32>) {
  mf.activation silu strategy(#mf.cpu_rows<tokens = 16, lanes = 4>) ins(%x : memref<?x4xf32>)
      factor(%f : memref<?x4xf32>) outs(%y : memref<?x4xf32>)
  return
}

// Codes are unsigned, and so are the rows that the map has for them.
// CHECK-LABEL: func.func @map_codes(
// CHECK-SAME: %[[C:.*]]: memref<?x3xi8>, %[[M:.*]]: memref<3x256xi16>, %[[R:.*]]: memref<?x3xi16>
// CHECK: scf.for %[[T:.*]] =
// CHECK: scf.for %[[K:.*]] = %c0 to %c3
// CHECK: %[[CODE:.*]] = memref.load %[[C]][%[[T]], %[[K]]]
// CHECK: %[[I:.*]] = arith.index_castui %[[CODE]] : i8 to index
// CHECK: %[[ROW:.*]] = memref.load %[[M]][%[[K]], %[[I]]]
// CHECK: memref.store %[[ROW]], %[[R]][%[[T]], %[[K]]]
func.func @map_codes(%c: memref<?x3xi8>, %m: memref<3x256xi16>, %r: memref<?x3xi16>) {
  mf.map_codes strategy(#mf.cpu_rows<tokens = 16, lanes = 4>) ins(%c, %m : memref<?x3xi8>, memref<3x256xi16>)
      outs(%r : memref<?x3xi16>)
  return
}

// A row of panels: id / 32 and what is left of it; elements are 32 apart.
// CHECK-LABEL: func.func @embedding_of_panels(
// CHECK-SAME: %[[IDS:.*]]: memref<?xi32>, %[[T:.*]]: memref<2x8x32xf16>, %[[Y:.*]]: memref<?x8xf32>
// CHECK: %[[ROW:.*]] = arith.maxsi
// CHECK: %[[P:.*]] = arith.divui %[[ROW]], %c32
// CHECK: %[[BEGIN:.*]] = arith.muli %[[P]], %c32
// CHECK: %[[C:.*]] = arith.subi %[[ROW]], %[[BEGIN]]
// CHECK: scf.for %[[F:.*]] = %c0 to %c8
// CHECK: memref.load %[[T]][%[[P]], %[[F]], %[[C]]]
func.func @embedding_of_panels(%ids: memref<?xi32>, %t: memref<2x8x32xf16>, %y: memref<?x8xf32>) {
  mf.embedding layout(<columns = 32>) strategy(#mf.cpu_rows<tokens = 16, lanes = 4>) ins(%ids, %t : memref<?xi32>, memref<2x8x32xf16>)
      outs(%y : memref<?x8xf32>)
  return
}
