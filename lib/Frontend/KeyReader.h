// Reads the keys of a configuration and tells what is wrong with them. Private to lib/Frontend.
#ifndef MF_LIB_FRONTEND_KEYREADER_H
#define MF_LIB_FRONTEND_KEYREADER_H

#include "mf/Frontend/Config.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"

namespace mlir::mf {

// Bounds that keep every product of extents below 2^60; no model comes near.
constexpr int64_t kMaxWidth = 1 << 20;
constexpr int64_t kMaxLayers = 1 << 12;
constexpr int64_t kMaxRows = (int64_t(1) << 31) - 1;

/// Reads keys of one object and remembers which.
class KeyReader {
public:
  KeyReader(const llvm::json::Object &object, StringRef file, Problems &problems)
      : object(object), file(file), problems(problems) {}

  /// A reader of the object that the key `name` has.
  KeyReader nested(const llvm::json::Object &inner, StringRef name) const {
    KeyReader reader(inner, file, problems);
    reader.prefix = prefix + name.str() + ".";
    return reader;
  }

  /// A whole number in [least, most]; `absent` where the key is not there or null, and a problem (and `least`) where
  /// that is not given either.
  int64_t integer(StringRef key, int64_t least, int64_t most, std::optional<int64_t> absent = std::nullopt);
  /// A finite number that `accepts`; `absent` where it is not there, and a problem where that is not given either.
  double real(StringRef key, std::optional<double> absent, function_ref<bool(double)> accepts, StringRef expected);
  /// A positive number.
  double positive(StringRef key, std::optional<double> absent);
  /// `absent` where it is not there.
  bool boolean(StringRef key, bool absent);
  /// One of `choices`, by its index; `absent` where it is not there, and a problem where that is not given either.
  size_t choice(StringRef key, ArrayRef<StringRef> choices, std::optional<size_t> absent = std::nullopt);
  /// A key that only one value is supported of.
  void fixed(StringRef key, const llvm::json::Value &supported, bool required);
  /// Keys that change nothing of what a trained decoder computes.
  void ignore(ArrayRef<StringLiteral> keys) { known.insert(keys.begin(), keys.end()); }
  /// Tells keys that nobody asked for.
  void checkUnknown();
  /// The value of a key, null where it is not there.
  const llvm::json::Value *get(StringRef key) {
    known.insert(key);
    return object.get(key);
  }
  bool has(StringRef key) const { return object.get(key); }
  bool areValid(std::initializer_list<StringRef> keys) const {
    return llvm::none_of(keys, [&](StringRef key) { return invalid.contains(key); });
  }
  void problem(StringRef key, const Twine &expected, const Twine &found) {
    invalid.insert(key);
    problems.add(file, prefix + key, expected, found);
  }

private:
  const llvm::json::Object &object;
  StringRef file;
  Problems &problems;
  /// What messages put before the keys: "attention.".
  std::string prefix;
  llvm::StringSet<> known, invalid;
};

/// Extents that all families have, and `layer_kinds` with the kind of layers that have none.
void readShape(KeyReader &keys, LayerKind usual, ModelConfig &config);
/// The keys of memory layers; whether those of the shape have values in range.
bool readMemoryKeys(KeyReader &keys, ModelConfig &config);
/// Function of the feed-forward part's activation, by its Hugging Face name.
ActivationKind readActivation(KeyReader &keys, std::optional<ActivationKind> absent);
/// The keys `attention` and `causal`; all others that it depends on are read.
void readAttention(KeyReader &keys, ModelConfig &config);
/// What a configuration says about rotary embeddings under `rope_parameters`.
struct RopeParameters {
  /// `rope_theta`, and `partial_rotary_factor`, the part of a head that is turned.
  std::optional<double> base, share;
};
/// Reads `rope_parameters`, and that nothing is scaled.
RopeParameters readRopeParameters(KeyReader &keys);
/// Whether a part of a head can be that of `partial_rotary_factor`.
inline bool isRotaryShare(double value) { return value >= 0 && value <= 1; }
/// Checks that the heads divide the width, and that the rotary size is even.
void checkHeads(const ModelConfig &config, KeyReader &keys);

/// The keys of `"model_type": "gpt_neox"`.
void readNeoXKeys(KeyReader &keys, ModelConfig &config);
/// The keys of `"model_type": "llama"`.
void readLlamaKeys(KeyReader &keys, ModelConfig &config);

} // namespace mlir::mf

#endif // MF_LIB_FRONTEND_KEYREADER_H
