// A residual of norm, hash and three lookups of both kinds, as PTX: no call of libdevice, no fused product in the hash,
// rounded roots, loads of 16 bytes, asynchronous copies past the first-level cache.
// RUN: mf-compile %s --emit=ptx --gpu-arch=sm_80 -o - | FileCheck %s --check-prefixes=CHECK,SM80 --implicit-check-not=__nv_ --implicit-check-not=.approx
// RUN: mf-compile %s --emit=ptx --gpu-arch=sm_90a -o - | FileCheck %s --check-prefixes=CHECK,SM90 --implicit-check-not=__nv_ --implicit-check-not=.approx

// SM80: .target sm_80
// SM90: .target sm_90a
// CHECK: .extern .shared .align 128 .b8 workgroup_memory[]
// CHECK-LABEL: .entry rms_norm_0(
// CHECK: ld.global.v4.b32
// CHECK: fma.rn.f32
// CHECK: shfl.sync.bfly.b32
// CHECK: sqrt.rn.f32
// CHECK: st.global.v4.b32
// CHECK-LABEL: .entry hash_1(
// CHECK-NOT: fma.
// CHECK: vote.sync.ballot.b32
// CHECK-NOT: fma.
// CHECK: div.rn.f32
// CHECK-LABEL: .entry lookup_gather_2(
// CHECK: ld.global.v4.b32
// CHECK-LABEL: .entry lookup_tile_3(
// SM80: cp.async.cg.shared.global
// SM80: cp.async.commit_group
// SM80: cp.async.wait_group 1
// SM80: bar.sync 0
// SM90: .reqnctapercluster 1, 2, 1
// SM90: mbarrier.init.shared.b64
// SM90: fence.mbarrier_init.release.cluster
// SM90: barrier.cluster.arrive
// SM90: barrier.cluster.wait
// SM90: mbarrier.arrive.expect_tx
// SM90: cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster
// SM90: mbarrier.try_wait.parity
// CHECK: ld.shared.v4.b32
// CHECK-LABEL: .entry layer_norm_hash_
// CHECK: bar.warp.sync
// CHECK: vote.sync.ballot.b32
// CHECK-LABEL: .entry add_
func.func @layer(%x: tensor<?x512xf32> {mf.name = "x", mf.dims = ["tokens", ""]})
    -> (tensor<?x512xf32> {mf.name = "y", mf.dims = ["tokens", ""]}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x512xf32>
  %scale = mf.get_parameter @scale : tensor<512xf32>
  %t8 = mf.get_parameter @t8 : tensor<64x256x640xf16>
  %t10 = mf.get_parameter @t10 : tensor<64x1024x512xf32>
  %bias = mf.get_parameter @bias : tensor<640xf32>
  %wide = mf.get_parameter @wide : tensor<640xf32>
  %xi = tensor.empty(%n) : tensor<?x512xf32>
  %hi = tensor.empty(%n) : tensor<?x640xf32>
  %ci = tensor.empty(%n) : tensor<?x64xi8>
  %di = tensor.empty(%n) : tensor<?x64xi16>
  %si = tensor.empty(%n) : tensor<?x64xf32>
  %norm = mf.rms_norm ins(%x, %scale : tensor<?x512xf32>, tensor<512xf32>) outs(%xi : tensor<?x512xf32>)
      -> tensor<?x512xf32>
  // A block of its own warps keeps it out of the kernel of the norm.
  %codes, %scores = mf.hash magnitude bits(8) strategy(#mf.gpu_hash<warps = 4>) ins(%norm : tensor<?x512xf32>)
      outs(%ci, %si : tensor<?x64xi8>, tensor<?x64xf32>) -> tensor<?x64xi8>, tensor<?x64xf32>
  %h = mf.lookup ins(%codes, %scores : tensor<?x64xi8>, tensor<?x64xf32>) tables(%t8 : tensor<64x256x640xf16>)
      biases(%bias : tensor<640xf32>) outs(%hi : tensor<?x640xf32>) -> tensor<?x640xf32>
  %hn = mf.layer_norm ins(%h, %wide, %bias : tensor<?x640xf32>, tensor<640xf32>, tensor<640xf32>)
      outs(%hi : tensor<?x640xf32>) -> tensor<?x640xf32>
  %codes10, %scores10 = mf.hash probability bits(10) ins(%hn : tensor<?x640xf32>)
      outs(%di, %si : tensor<?x64xi16>, tensor<?x64xf32>) -> tensor<?x64xi16>, tensor<?x64xf32>
  %y = mf.lookup ins(%codes10, %scores10 : tensor<?x64xi16>, tensor<?x64xf32>) tables(%t10 : tensor<64x1024x512xf32>)
      outs(%xi : tensor<?x512xf32>) -> tensor<?x512xf32>
  %z = mf.add ins(%x, %y : tensor<?x512xf32>, tensor<?x512xf32>) outs(%xi : tensor<?x512xf32>) -> tensor<?x512xf32>
  return %z : tensor<?x512xf32>
}
mf.parameter @scale : tensor<512xf32> from #mf.fill<1.0 : f32>
mf.parameter @wide : tensor<640xf32> from #mf.fill<1.0 : f32>
mf.parameter @bias : tensor<640xf32> from #mf.fill<0.0 : f32>
mf.parameter @t8 : tensor<64x256x640xf16> from #mf.rounded<source = #mf.random<seed = 1, scale = 1.0 : f64>>
mf.parameter @t10 : tensor<64x1024x512xf32> from #mf.random<seed = 2, scale = 1.0 : f64>
