// RUN: mf-opt %s --split-input-file --verify-diagnostics
!workgroup = memref<16x8xf16, #gpu.address_space<workgroup>>
!barriers = memref<3xi64, #gpu.address_space<workgroup>>
func.func @bulk_copy_c1_elements(%x: memref<16x8xf32>, %w: !workgroup, %b: !barriers, %i: index) {
  // expected-error @+1 {{expects compact memrefs of one element type, found 'memref<16x8xf32>' and}}
  mf.bulk_copy %x[%i, %i] to %w[%i, %i] elements(8) barrier(%b[%i]) : memref<16x8xf32> to !workgroup, !barriers
  return
}

// -----

!barriers = memref<3xi64, #gpu.address_space<workgroup>>
func.func @bulk_copy_c1_space(%x: memref<16x8xf16>, %b: !barriers, %i: index) {
  // expected-error @+1 {{expects the destination to be workgroup memory, found 'memref<16x8xf16>'}}
  mf.bulk_copy %x[%i, %i] to %x[%i, %i] elements(8) barrier(%b[%i]) : memref<16x8xf16> to memref<16x8xf16>, !barriers
  return
}

// -----

!workgroup = memref<16x8xf16, #gpu.address_space<workgroup>>
!barriers = memref<3xi64, #gpu.address_space<workgroup>>
func.func @bulk_copy_c2(%x: memref<16x8xf16>, %w: !workgroup, %b: !barriers, %i: index) {
  // expected-error @+1 {{expects an index for each dimension}}
  mf.bulk_copy %x[%i] to %w[%i, %i] elements(8) barrier(%b[%i]) : memref<16x8xf16> to !workgroup, !barriers
  return
}

// -----

!workgroup = memref<16x8xf16, #gpu.address_space<workgroup>>
!barriers = memref<3xi64, #gpu.address_space<workgroup>>
func.func @bulk_copy_c3(%x: memref<16x8xf16>, %w: !workgroup, %b: !barriers, %i: index) {
  // expected-error @+1 {{expects a multiple of 16 bytes, found 12 elements}}
  mf.bulk_copy %x[%i, %i] to %w[%i, %i] elements(12) barrier(%b[%i]) : memref<16x8xf16> to !workgroup, !barriers
  return
}

// -----

!workgroup = memref<16x8xf16, #gpu.address_space<workgroup>>
!barriers = memref<3xi64, #gpu.address_space<workgroup>>
func.func @bulk_copy_c4(%x: memref<16x8xf16>, %w: !workgroup, %b: !barriers, %i: index) {
  // expected-error @+1 {{expects a mask of up to 16 blocks, found 0}}
  mf.bulk_copy %x[%i, %i] to %w[%i, %i] elements(8) barrier(%b[%i]) multicast(0) : memref<16x8xf16> to !workgroup, !barriers
  return
}

// -----

func.func @barriers(%b: memref<3xi64>, %i: index) {
  // expected-error @+1 {{expects barriers to be workgroup memory, found 'memref<3xi64>'}}
  mf.mbarrier_init %b[%i] count(1) : memref<3xi64>
  return
}
