// What an op costs, as polynomials in the sizes that only a call knows.
#ifndef MF_DIALECT_MF_IR_COST_H
#define MF_DIALECT_MF_IR_COST_H

#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/StringMap.h"
#include <map>
#include <optional>
#include <string>

namespace mlir::mf {

/// A polynomial in named sizes. Coefficients are integers or halves, exact up to 2^53.
class Polynomial {
public:
  /// Exponents, all at least 1, by the name of the size; none for a constant.
  using Powers = std::map<std::string, unsigned>;
  struct Term {
    Powers powers;
    double coefficient;
  };

  Polynomial(double constant = 0) {
    if (constant != 0)
      terms[{}] = constant;
  }
  static Polynomial size(StringRef name);

  Polynomial &operator+=(const Polynomial &other);
  friend Polynomial operator+(Polynomial a, const Polynomial &b) { return a += b; }
  friend Polynomial operator-(Polynomial a, const Polynomial &b) { return a += b * -1.0; }
  friend Polynomial operator*(const Polynomial &a, const Polynomial &b);
  friend bool operator==(const Polynomial &a, const Polynomial &b) { return a.terms == b.terms; }

  bool isZero() const { return terms.empty(); }
  /// Highest degree first.
  std::vector<Term> getTerms() const;
  /// The value, none where a size has none.
  std::optional<double> evaluate(const llvm::StringMap<int64_t> &sizes) const;
  /// "512 tokens^2 + 1024 cache tokens + 3".
  std::string str() const;

private:
  std::map<Powers, double> terms; ///< without zeros
};

/// "12" or "0.5".
std::string formatCoefficient(double number);

/// What one call needs for an op, or for several.
struct Cost {
  /// Products that enter a sum over tables, features or keys. Elementwise work on rows (norms, rotary embedding,
  /// residual sums) is in proportion to tokens times width and not counted.
  Polynomial multiplyAdds;
  Polynomial exponentials;
  /// Bytes of table rows, as often as they are read.
  Polynomial tableBytes;
  /// Bytes of all other parameters, each read once a call; of an embedding and of rotary angles, the rows that are
  /// read.
  Polynomial weightBytes;
  /// Bytes of sequence state, each read once a call.
  Polynomial stateReadBytes;
  Polynomial stateWrittenBytes;

  Cost &operator+=(const Cost &other);
};

struct CostQuantity {
  StringRef key;  ///< "multiply_adds"
  StringRef text; ///< "multiply-adds"
  Polynomial Cost::*member;
};

/// All of a cost, in the order of reports.
ArrayRef<CostQuantity> getCostQuantities();

/// What an op asks about the function that it is in, while it states its cost.
class CostContext {
public:
  /// `countMaskedPairs`: attention counts the pairs of query and key that a causal mask hides, too.
  explicit CostContext(bool countMaskedPairs) : countMaskedPairs(countMaskedPairs) {}

  /// The extent of a dimension; a dynamic one in the sizes of the function's arguments. Where it depends on anything
  /// else an error says so, and `hasFailed` holds from then on.
  Polynomial getExtent(Value value, int64_t dim);
  /// Number of elements.
  Polynomial getSize(Value value);
  /// Bytes of all elements; static.
  static double getBytes(Value value);
  /// Bits of an element.
  static double getElementBits(Value value);

  /// Pairs of a query and a key that attention works on: `queries` queries, the last of which sees `keys` keys, and
  /// each one before one less where the mask is causal. There are at least as many keys as queries.
  Polynomial countPairs(const Polynomial &queries, const Polynomial &keys, bool isCausal) const;
  /// Tokens of the sequence before the call: the size `cache`.
  static Polynomial getCachedTokens() { return Polynomial::size("cache"); }

  bool hasFailed() const { return failed; }

private:
  Polynomial getIndex(Value index);
  Polynomial getExtentOfResult(OpResult result, int64_t dim);
  Polynomial fail(Value value, const Twine &what);

  bool countMaskedPairs;
  bool failed = false;
};

} // namespace mlir::mf

#include "mf/Dialect/MF/IR/MFCostInterface.h.inc"

#endif // MF_DIALECT_MF_IR_COST_H
