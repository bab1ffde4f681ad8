// Dot products of the integer weights of a dense layer, with the instructions that the target has for them.
#ifndef MF_CODEGEN_CPU_WEIGHTDOT_H
#define MF_CODEGEN_CPU_WEIGHTDOT_H

#include "mf/Codegen/CPU/KernelBuilder.h"

namespace mlir::mf {

/// Multiplies the weights of some columns, four adjacent features of each, with the same features of a row, and sums in
/// i32. Activations are in [-127, 127], weights too; halves of bytes are in [0, 15]. Then every sum is exact.
class WeightDot {
public:
  /// One product: vectors of weights, and the row's features for one of these vectors.
  struct Product {
    SmallVector<Value> weights;
    Value x;
  };

  /// For `width` columns at a time, a vector of i32 of the target. `isPaired`: weights are halves of bytes.
  WeightDot(KernelBuilder &kb, int64_t width, bool isPaired);

  /// Vectors of i32 for the sums of `width` columns: 1, or 2 whose neighbours are added in the end.
  int64_t getNumSums() const { return kind == Kind::Words || kind == Kind::NEON ? 2 : 1; }
  /// What is added to a weight while it is multiplied: a sum is too large by so many times the sum of the features.
  int64_t getOffset() const { return isPaired ? 8 : kind == Kind::VNNI ? 128 : 0; }
  /// Products that share their conversion from 16 to 32 bits, where there is one.
  int64_t getProductsAtOnce() const;

  /// The weights of a product from stored bytes; of pairs the low or the high halves.
  SmallVector<Value> prepareWeights(Value bytes, bool high);
  /// The row's side from four bytes.
  Value prepareFeatures(Value fourBytes);
  /// Adds products to getNumSums() sums.
  void add(MutableArrayRef<Value> sums, ArrayRef<Product> products);
  /// The sums of the columns in order.
  Value finish(ValueRange sums);

private:
  /// vpdpbusd; vpmaddubsw and vpmaddwd; vpmaddwd of bytes widened to words; smull and sadalp; sdot; products of i32.
  enum class Kind { VNNI, Pairs, Words, NEON, DotProd, Plain };

  Kind select() const;
  void addInWords(MutableArrayRef<Value> sums, ArrayRef<Product> products);
  Value addPlain(Value sum, const Product &product);

  KernelBuilder &kb;
  int64_t width;
  bool isPaired;
  Kind kind;
};

} // namespace mlir::mf

#endif // MF_CODEGEN_CPU_WEIGHTDOT_H
