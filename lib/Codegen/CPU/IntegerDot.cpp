// Dot products of bytes: VNNI where there is, else products of neighbours added in 16 bits (SSSE3 and wider), or the
// widening products of NEON.
#include "mf/Codegen/CPU/IntegerDot.h"

using namespace mlir;
using namespace mlir::mf;

static int64_t getWidth(Value x) { return cast<VectorType>(x.getType()).getNumElements(); }

static VectorType getVector(KernelBuilder &kb, int64_t width, unsigned bits) {
  return VectorType::get(width, kb.builder().getIntegerType(bits));
}

/// One of three names, for vectors of 16, 32 or 64 bytes.
static StringRef selectName(Value x, StringRef of16, StringRef of32, StringRef of64) {
  int64_t bytes = getWidth(x) * cast<VectorType>(x.getType()).getElementTypeBitWidth() / 8;
  return bytes == 64 ? of64 : bytes == 32 ? of32 : of16;
}

Value mlir::mf::buildBytePairs(KernelBuilder &kb, Value unsignedBytes, Value signedBytes) {
  StringRef name = selectName(unsignedBytes, "llvm.x86.ssse3.pmadd.ub.sw.128", "llvm.x86.avx2.pmadd.ub.sw",
                              "llvm.x86.avx512.pmaddubs.w.512");
  return kb.callIntrinsic(name, getVector(kb, getWidth(unsignedBytes) / 2, 16), {unsignedBytes, signedBytes});
}

Value mlir::mf::buildWordPairs(KernelBuilder &kb, Value x, Value y) {
  StringRef name = selectName(x, "llvm.x86.sse2.pmadd.wd", "llvm.x86.avx2.pmadd.wd", "llvm.x86.avx512.pmaddw.d.512");
  return kb.callIntrinsic(name, getVector(kb, getWidth(x) / 2, 32), {x, y});
}

Value mlir::mf::buildByteQuads(KernelBuilder &kb, Value sums, Value unsignedBytes, Value signedBytes) {
  StringRef name = selectName(unsignedBytes, "llvm.x86.avx512.vpdpbusd.128", "llvm.x86.avx512.vpdpbusd.256",
                              "llvm.x86.avx512.vpdpbusd.512");
  return kb.callIntrinsic(name, sums.getType(), {sums, unsignedBytes, signedBytes});
}

/// i32 sums of four neighbours by two instructions that add pairs.
static Value buildPairwiseDot(KernelBuilder &kb, Value unsignedBytes, Value signedBytes) {
  Value words = buildBytePairs(kb, unsignedBytes, signedBytes);
  OpBuilder &b = kb.builder();
  auto ones = DenseElementsAttr::get(cast<ShapedType>(words.getType()), b.getI16IntegerAttr(1));
  return buildWordPairs(kb, words, arith::ConstantOp::create(b, words.getLoc(), ones));
}

static Value buildNeonDot(KernelBuilder &kb, Value x, Value y) {
  auto half = [&](Value v, int64_t begin) {
    return kb.shuffle(v, v, llvm::to_vector(llvm::seq<int64_t>(begin, begin + 8)));
  };
  SmallVector<Value> pairs;
  for (int64_t begin : {0, 8}) {
    Value products =
        kb.callIntrinsic("llvm.aarch64.neon.smull.v8i16", getVector(kb, 8, 16), {half(x, begin), half(y, begin)});
    pairs.push_back(kb.callIntrinsic("llvm.aarch64.neon.saddlp.v4i32.v8i16", getVector(kb, 4, 32), products));
  }
  return kb.callIntrinsic("llvm.aarch64.neon.addp.v4i32", getVector(kb, 4, 32), pairs);
}

/// For targets without any of these instructions.
static Value buildWidenedDot(KernelBuilder &kb, Value x, Value y) {
  OpBuilder &b = kb.builder();
  int64_t sums = getWidth(x) / 4;
  Value total;
  for (int64_t j = 0; j < 4; ++j) {
    SmallVector<int64_t> places;
    for (int64_t i = 0; i < sums; ++i)
      places.push_back(4 * i + j);
    Type wide = getVector(kb, sums, 32);
    Value u = arith::ExtUIOp::create(b, x.getLoc(), wide, kb.shuffle(x, x, places));
    Value s = arith::ExtSIOp::create(b, x.getLoc(), wide, kb.shuffle(y, y, places));
    Value product = arith::MulIOp::create(b, x.getLoc(), u, s);
    total = total ? arith::AddIOp::create(b, x.getLoc(), total, product).getResult() : product;
  }
  return total;
}

bool mlir::mf::hasDotOfAllBytes(KernelBuilder &kb, int64_t bytes) {
  return kb.hasFeature("avx512vnni") && (bytes == 64 || kb.hasFeature("avx512vl"));
}

Value mlir::mf::buildDot4(KernelBuilder &kb, Value sums, Value unsignedBytes, Value signedBytes) {
  int64_t bytes = getWidth(unsignedBytes);
  if (hasDotOfAllBytes(kb, bytes))
    return buildByteQuads(kb, sums, unsignedBytes, signedBytes);
  bool hasPairs = bytes == 64   ? kb.hasFeature("avx512bw")
                  : bytes == 32 ? kb.hasFeature("avx2")
                                : kb.hasFeature("ssse3") || kb.hasFeature("avx2");
  Value product;
  if (kb.isAArch64() && bytes == 16)
    product = buildNeonDot(kb, unsignedBytes, signedBytes);
  else
    product =
        hasPairs ? buildPairwiseDot(kb, unsignedBytes, signedBytes) : buildWidenedDot(kb, unsignedBytes, signedBytes);
  return arith::AddIOp::create(kb.builder(), sums.getLoc(), sums, product);
}

Value mlir::mf::buildNibbles(KernelBuilder &kb, Value bytes, bool high) {
  OpBuilder &b = kb.builder();
  auto splat = DenseElementsAttr::get(cast<ShapedType>(bytes.getType()), b.getI8IntegerAttr(high ? 4 : 15));
  Value constant = arith::ConstantOp::create(b, bytes.getLoc(), splat);
  if (high)
    return arith::ShRUIOp::create(b, bytes.getLoc(), bytes, constant);
  return arith::AndIOp::create(b, bytes.getLoc(), bytes, constant);
}

/// The low or the high halves of each 16 bytes of x and y, element by element in turn.
static Value zip(KernelBuilder &kb, Value x, Value y, bool high) {
  int64_t width = getWidth(x);
  int64_t part = 128 / cast<VectorType>(x.getType()).getElementTypeBitWidth();
  SmallVector<int64_t> mask;
  for (int64_t first = 0; first < width; first += part)
    for (int64_t i = 0; i < part / 2; ++i) {
      int64_t place = first + (high ? part / 2 : 0) + i;
      mask.append({place, width + place});
    }
  return kb.shuffle(x, y, mask);
}

std::array<Value, 4> mlir::mf::buildInterleave4(KernelBuilder &kb, std::array<Value, 4> rows) {
  Type i8 = kb.builder().getI8Type(), i16 = kb.builder().getI16Type();
  std::array<Value, 4> result;
  for (bool high : {false, true}) {
    Value pair01 = kb.bitcast(zip(kb, rows[0], rows[1], high), i16);
    Value pair23 = kb.bitcast(zip(kb, rows[2], rows[3], high), i16);
    for (bool highWords : {false, true})
      result[2 * high + highWords] = kb.bitcast(zip(kb, pair01, pair23, highWords), i8);
  }
  return result;
}

std::array<Value, 4> mlir::mf::buildOrderSums(KernelBuilder &kb, std::array<Value, 4> sums) {
  int64_t width = getWidth(sums[0]), quarters = width / 4;
  if (quarters == 1)
    return sums;
  // Quarter q of sums[j] holds the places 16 q + 4 j, ...; result r is made of the 4-element runs r * quarters, ....
  std::array<Value, 4> ordered;
  for (int64_t r = 0; r < 4; ++r) {
    Value result;
    for (int64_t place = 0; place < quarters; ++place) {
      int64_t run = r * quarters + place, source = run % 4, quarter = run / 4;
      SmallVector<int64_t> mask(width);
      if (!result) {
        for (int64_t i = 0; i < width; ++i)
          mask[i] = quarter * 4 + i % 4;
        result = kb.shuffle(sums[source], sums[source], mask);
        continue;
      }
      for (int64_t i = 0; i < width; ++i)
        mask[i] = i / 4 == place ? width + quarter * 4 + i % 4 : i;
      result = kb.shuffle(result, sums[source], mask);
    }
    ordered[r] = result;
  }
  return ordered;
}
