// Dot products of integer weights: an instruction for four products and their sum where there is one (VNNI, NEON's
// dot products), products of bytes added in 16 bits as long as they fit, or products of words.
#include "mf/Codegen/CPU/WeightDot.h"
#include "mf/Codegen/CPU/IntegerDot.h"

using namespace mlir;
using namespace mlir::mf;

static int64_t getWidth(Value x) { return cast<VectorType>(x.getType()).getNumElements(); }

static VectorType getVector(KernelBuilder &kb, int64_t width, unsigned bits) {
  return VectorType::get(width, kb.builder().getIntegerType(bits));
}

WeightDot::WeightDot(KernelBuilder &kb, int64_t width, bool isPaired)
    : kb(kb), width(width), isPaired(isPaired), kind(select()) {}

WeightDot::Kind WeightDot::select() const {
  int64_t bytes = 4 * width;
  if (kb.isAArch64() && bytes == 16)
    return kb.hasFeature("dotprod") ? Kind::DotProd : Kind::NEON;
  if (!kb.isX86() || bytes < 16 || bytes > 64)
    return Kind::Plain;
  if (kb.hasFeature("avx512vnni") && (bytes == 64 || kb.hasFeature("avx512vl")))
    return Kind::VNNI;
  if (kb.hasFeature("avxvnni") && bytes <= 32)
    return Kind::VNNI;
  // Products of signed bytes and of bytes up to 255 would not fit into 16 bits, those of halves do.
  StringRef pairs = bytes == 64 ? "avx512bw" : bytes == 32 ? "avx2" : "ssse3";
  if (isPaired && kb.hasFeature(pairs))
    return Kind::Pairs;
  StringRef words = bytes == 64 ? "avx512bw" : bytes == 32 ? "avx2" : "";
  return words.empty() || kb.hasFeature(words) ? Kind::Words : Kind::Plain;
}

/// A sum of two products of halves with activations is at most 2 * 15 * 127 in magnitude, and 8 of them fit into 16
/// bits. On AArch64 products of two bytes are added one by one: at most 15 * 127 or 127 * 127 each.
int64_t WeightDot::getProductsAtOnce() const {
  switch (kind) {
  case Kind::Pairs:
    return 8;
  case Kind::NEON:
    return isPaired ? 8 : 2;
  default:
    return 1;
  }
}

SmallVector<Value> WeightDot::prepareWeights(Value bytes, bool high) {
  OpBuilder &b = kb.builder();
  Location loc = bytes.getLoc();
  if (isPaired)
    bytes = buildNibbles(kb, bytes, high);
  if (kind == Kind::VNNI && !isPaired) {
    auto signs = DenseElementsAttr::get(cast<ShapedType>(bytes.getType()), b.getI8IntegerAttr(-128));
    return {arith::XOrIOp::create(b, loc, bytes, arith::ConstantOp::create(b, loc, signs))};
  }
  if (getNumSums() == 1)
    return {bytes};
  SmallVector<Value> halves;
  for (int64_t begin : {int64_t(0), 2 * width}) {
    Value half = kb.shuffle(bytes, bytes, llvm::to_vector(llvm::seq(begin, begin + 2 * width)));
    halves.push_back(kind == Kind::NEON ? half : arith::ExtSIOp::create(b, loc, getVector(kb, 2 * width, 16), half));
  }
  return halves;
}

Value WeightDot::prepareFeatures(Value fourBytes) {
  OpBuilder &b = kb.builder();
  Type i8 = b.getI8Type(), whole = b.getI32Type();
  int64_t copies = getNumSums() == 2 ? width / 2 : width;
  if (kind == Kind::Words) {
    fourBytes = arith::ExtSIOp::create(b, fourBytes.getLoc(), getVector(kb, 4, 16), fourBytes);
    whole = b.getI64Type();
  }
  Value scalar = vector::ExtractOp::create(b, fourBytes.getLoc(), kb.bitcast(fourBytes, whole), 0);
  if (copies == 1)
    return fourBytes;
  return kb.bitcast(kb.broadcast(scalar, copies), kind == Kind::Words ? b.getI16Type() : i8);
}

/// Sums products in 16 bits and adds these sums, pairs of them, to those of 32 bits.
void WeightDot::addInWords(MutableArrayRef<Value> sums, ArrayRef<Product> products) {
  OpBuilder &b = kb.builder();
  Location loc = sums.front().getLoc();
  for (auto [part, sum] : llvm::enumerate(sums)) {
    Value words;
    for (const Product &product : products) {
      Value w = product.weights[part], x = product.x;
      Value product16 = kind == Kind::NEON
                            ? kb.callIntrinsic("llvm.aarch64.neon.smull.v8i16", getVector(kb, getWidth(w), 16), {w, x})
                            : buildBytePairs(kb, w, x);
      words = words ? arith::AddIOp::create(b, loc, words, product16).getResult() : product16;
    }
    Value pairs;
    if (kind == Kind::NEON) {
      pairs = kb.callIntrinsic("llvm.aarch64.neon.saddlp.v4i32.v8i16", sum.getType(), words);
    } else {
      auto ones = DenseElementsAttr::get(cast<ShapedType>(words.getType()), b.getI16IntegerAttr(1));
      pairs = buildWordPairs(kb, words, arith::ConstantOp::create(b, loc, ones));
    }
    sum = arith::AddIOp::create(b, loc, sum, pairs);
  }
}

Value WeightDot::addPlain(Value sum, const Product &product) {
  OpBuilder &b = kb.builder();
  Value w = product.weights.front(), x = product.x;
  Location loc = w.getLoc();
  for (int64_t feature = 0; feature < 4; ++feature) {
    SmallVector<int64_t> places;
    for (int64_t i = 0; i < width; ++i)
      places.push_back(4 * i + feature);
    auto widen = [&](Value bytes) -> Value {
      return arith::ExtSIOp::create(b, loc, sum.getType(), kb.shuffle(bytes, bytes, places));
    };
    sum = arith::AddIOp::create(b, loc, sum, arith::MulIOp::create(b, loc, widen(w), widen(x)));
  }
  return sum;
}

void WeightDot::add(MutableArrayRef<Value> sums, ArrayRef<Product> products) {
  if (kind == Kind::Pairs || kind == Kind::NEON) {
    for (; !products.empty(); products = products.drop_front(std::min<size_t>(products.size(), getProductsAtOnce())))
      addInWords(sums, products.take_front(getProductsAtOnce()));
    return;
  }
  for (const Product &product : products)
    for (auto [sum, w] : llvm::zip_equal(sums, product.weights)) {
      if (kind == Kind::VNNI)
        sum = buildByteQuads(kb, sum, w, product.x);
      else if (kind == Kind::DotProd)
        sum = kb.callIntrinsic("llvm.aarch64.neon.sdot.v4i32.v16i8", sum.getType(), {sum, w, product.x});
      else if (kind == Kind::Words)
        sum = arith::AddIOp::create(kb.builder(), w.getLoc(), sum, buildWordPairs(kb, w, product.x));
      else
        sum = addPlain(sum, product);
    }
}

Value WeightDot::finish(ValueRange sums) {
  if (getNumSums() == 1)
    return sums.front();
  SmallVector<int64_t> even, odd;
  for (int64_t i = 0; i < width; ++i) {
    even.push_back(2 * i);
    odd.push_back(2 * i + 1);
  }
  return arith::AddIOp::create(kb.builder(), sums.front().getLoc(), kb.shuffle(sums[0], sums[1], even),
                               kb.shuffle(sums[0], sums[1], odd));
}
