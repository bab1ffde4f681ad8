// Sources of parameters. Conversions are template arguments, so that the inner loops vectorise.
#include "ParameterSource.h"
#include "FeatureChoice.h"
#include "FloatBits.h"
#include "KeptRows.h"
#include "Quantization.h"
#include "mf/Target/CompileError.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

llvm::Expected<std::unique_ptr<MappedFile>> MappedFile::open(StringRef path) {
  // Without O_NONBLOCK a named pipe would hang the open before it is refused.
  int file = ::open(path.str().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return makeIOError("cannot open", path, getLastSystemError());
  struct stat facts;
  std::error_code error = fstat(file, &facts) != 0 ? getLastSystemError() : std::error_code();
  if (error || !S_ISREG(facts.st_mode)) {
    close(file);
    return error ? makeIOError("cannot examine", path, error)
                 : makeError(ErrorKind::InputModel, "'" + path + "' is no regular file");
  }
  void *data = nullptr;
  if (facts.st_size > 0)
    data = mmap(nullptr, facts.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  error = data == MAP_FAILED ? getLastSystemError() : std::error_code();
  close(file);
  if (error)
    return makeIOError("cannot map", path, error);
  if (data)
    madvise(data, facts.st_size, MADV_SEQUENTIAL);
  return std::unique_ptr<MappedFile>(new MappedFile(static_cast<const char *>(data), facts.st_size));
}

MappedFile::~MappedFile() {
  if (data)
    munmap(const_cast<char *>(data), bytes);
}

namespace {
/// Elements of a mapped file, `Convert` from the file's type to the stored one.
template <typename From, typename To, To (*Convert)(From)> class FileSource : public ParameterSource {
public:
  FileSource(const char *data, int64_t numElements) : data(data), bytes(numElements * sizeof(From)) {}

  void read(int64_t offset, int64_t stride, int64_t count, char *stored) const override {
    for (int64_t i = 0; i < count; ++i) {
      From from;
      std::memcpy(&from, data + (offset + i * stride) * sizeof(From), sizeof(From));
      To to = Convert(from);
      std::memcpy(stored + i * sizeof(To), &to, sizeof(To));
    }
  }

  void release() const override {
    // Whole pages only: a neighbour may still be read.
    uintptr_t page = sysconf(_SC_PAGESIZE), begin = reinterpret_cast<uintptr_t>(data), end = begin + bytes;
    begin = (begin + page - 1) / page * page;
    end = end / page * page;
    if (begin < end)
      madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
  }

private:
  const char *data;
  uint64_t bytes;
};
} // namespace

template <typename Bits> static Bits keepBits(Bits bits) { return bits; }

static uint16_t bfloat16OfHalf(uint16_t bits) { return bfloat16OfFloat(floatOfHalf(bits)); }
static uint16_t halfOfBFloat16(uint16_t bits) { return halfOfFloat(floatOfBFloat16(bits)); }

/// Elements of type `from` as elements of type `to`.
static std::unique_ptr<ParameterSource> makeFileSource(const char *data, int64_t count, Type from, Type to) {
  if (from == to && from.isF32())
    return std::make_unique<FileSource<uint32_t, uint32_t, keepBits<uint32_t>>>(data, count);
  if (from == to)
    return std::make_unique<FileSource<uint16_t, uint16_t, keepBits<uint16_t>>>(data, count);
  if (to.isF32() && from.isF16())
    return std::make_unique<FileSource<uint16_t, float, floatOfHalf>>(data, count);
  if (to.isF32())
    return std::make_unique<FileSource<uint16_t, float, floatOfBFloat16>>(data, count);
  if (from.isF32() && to.isF16())
    return std::make_unique<FileSource<float, uint16_t, halfOfFloat>>(data, count);
  if (from.isF32())
    return std::make_unique<FileSource<float, uint16_t, bfloat16OfFloat>>(data, count);
  if (to.isF16())
    return std::make_unique<FileSource<uint16_t, uint16_t, halfOfBFloat16>>(data, count);
  return std::make_unique<FileSource<uint16_t, uint16_t, bfloat16OfHalf>>(data, count);
}

llvm::Expected<std::unique_ptr<ParameterSource>> ParameterSources::openFile(StringRef name, TensorFileAttr source,
                                                                            RankedTensorType type, bool rounds) {
  Type from = source.getElementType(), to = type.getElementType();
  std::unique_ptr<MappedFile> &file = files[source.getPath().str()];
  if (!file) {
    llvm::Expected<std::unique_ptr<MappedFile>> opened = MappedFile::open(source.getPath());
    if (!opened)
      return opened.takeError();
    file = std::move(*opened);
  }
  uint64_t bytes = uint64_t(type.getNumElements()) * (from.getIntOrFloatBitWidth() / 8);
  if (source.getOffset() > file->getBytes() || bytes > file->getBytes() - source.getOffset())
    return makeError(ErrorKind::InputModel,
                     llvm::formatv("parameter '{0}' needs bytes {1} to {2} of '{3}', which has {4}", name,
                                   source.getOffset(), source.getOffset() + bytes, source.getPath(), file->getBytes())
                         .str());
  if (from == to || to.isF32() || rounds)
    return makeFileSource(file->getData() + source.getOffset(), type.getNumElements(), from, to);
  std::string text;
  llvm::raw_string_ostream(text) << from << " to " << to;
  return makeError(ErrorKind::InputModel, "parameter '" + name + "' would be converted from " + text + " with loss");
}

//===----------------------------------------------------------------------===//
// Computed elements
//===----------------------------------------------------------------------===//

namespace {
/// Elements that `Generator` computes as f32 from their index, `Convert`ed to the stored type.
template <typename Generator, typename To, To (*Convert)(float)> class ComputedSource : public ParameterSource {
public:
  explicit ComputedSource(Generator generator) : generator(std::move(generator)) {}

  void read(int64_t offset, int64_t stride, int64_t count, char *stored) const override {
    for (int64_t i = 0; i < count; ++i) {
      To to = Convert(generator(offset + i * stride));
      std::memcpy(stored + i * sizeof(To), &to, sizeof(To));
    }
  }

private:
  Generator generator;
};

/// `#mf.random`: SplitMix64 by its closed form, evaluated in f32, where everything but the last product is exact.
struct RandomGenerator {
  uint64_t seed;
  float scale;

  float operator()(int64_t element) const {
    uint64_t word = seed + (uint64_t(element) + 1) * 0x9E3779B97F4A7C15;
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9;
    word = (word ^ word >> 27) * 0x94D049BB133111EB;
    word ^= word >> 31;
    return (float(int32_t(word >> 40)) * 0x1p-23f - 1.0f) * scale;
  }
};

struct FillGenerator {
  float value;
  float operator()(int64_t) const { return value; }
};

/// `#mf.rotary_angles` of [positions, r / 2, 2], in float64.
struct RotaryGenerator {
  SmallVector<double> divisors; ///< base^(2 i / r)

  float operator()(int64_t element) const {
    int64_t pair = element / 2, half = divisors.size();
    double angle = double(pair / half) / divisors[pair % half];
    return float(element % 2 == 0 ? std::cos(angle) : std::sin(angle));
  }
};
} // namespace

static float keepFloat(float value) { return value; }

template <typename Generator> static std::unique_ptr<ParameterSource> makeComputed(Generator generator, Type type) {
  if (type.isF16())
    return std::make_unique<ComputedSource<Generator, uint16_t, halfOfFloat>>(std::move(generator));
  if (type.isBF16())
    return std::make_unique<ComputedSource<Generator, uint16_t, bfloat16OfFloat>>(std::move(generator));
  return std::make_unique<ComputedSource<Generator, float, keepFloat>>(std::move(generator));
}

namespace {
/// `#mf.row_blocks`: some rows of another source.
class RowBlocksSource : public ParameterSource {
public:
  RowBlocksSource(std::unique_ptr<ParameterSource> rows, RowBlocksAttr blocks, int64_t rowElements,
                  int64_t elementBytes)
      : rows(std::move(rows)), blocks(blocks), rowElements(rowElements), elementBytes(elementBytes) {}

  /// Cut where a block ends: within one, elements are as far apart as in the source.
  void read(int64_t offset, int64_t stride, int64_t count, char *stored) const override {
    int64_t blockElements = blocks.getRows() * rowElements;
    while (count > 0) {
      int64_t left = (offset / blockElements + 1) * blockElements - offset;
      int64_t part = std::min(count, llvm::divideCeilSigned(left, stride));
      int64_t row = blocks.getSourceRow(offset / rowElements);
      rows->read(row * rowElements + offset % rowElements, stride, part, stored);
      offset += part * stride;
      stored += part * elementBytes;
      count -= part;
    }
  }

private:
  std::unique_ptr<ParameterSource> rows;
  RowBlocksAttr blocks;
  int64_t rowElements, elementBytes;
};
} // namespace

llvm::Expected<std::unique_ptr<ParameterSource>> ParameterSources::openRowBlocks(StringRef name, RowBlocksAttr source,
                                                                                 RankedTensorType type, bool rounds) {
  // All rows up to the last one that is taken: what a file must have.
  SmallVector<int64_t> shape(type.getShape());
  int64_t numRows = shape.front();
  shape.front() = numRows == 0 ? 0 : source.getSourceRow(numRows - 1) + 1;
  auto rows = open(name, source.getSource(), type.clone(shape), rounds);
  if (!rows || type.getNumElements() == 0)
    return rows;
  return std::make_unique<RowBlocksSource>(std::move(*rows), source, type.getNumElements() / numRows,
                                           type.getElementTypeBitWidth() / 8);
}

//===----------------------------------------------------------------------===//
// Pruned tables
//===----------------------------------------------------------------------===//

llvm::Expected<std::unique_ptr<ParameterSource>> ParameterSources::openKeptRows(StringRef name, KeptRowsAttr source,
                                                                                RankedTensorType type, bool rounds) {
  SmallVector<int64_t> shape(source.getKept().getType().getShape());
  shape.push_back(type.getShape().back());
  auto rows = open(name, source.getSource(), type.clone(shape), rounds);
  if (!rows || type.getNumElements() == 0)
    return rows;
  return keepRows(std::move(*rows), source.getKept(), shape.back(), type.getElementTypeBitWidth() / 8);
}

//===----------------------------------------------------------------------===//
// All kinds
//===----------------------------------------------------------------------===//

static RotaryGenerator makeRotary(ArrayRef<int64_t> shape, double base) {
  RotaryGenerator generator;
  for (int64_t i = 0; i < shape[1]; ++i)
    generator.divisors.push_back(std::pow(base, double(i) / double(shape[1])));
  return generator;
}

llvm::Expected<std::unique_ptr<ParameterSource>> ParameterSources::open(StringRef name, Attribute source,
                                                                        RankedTensorType type, bool rounds) {
  Type element = type.getElementType();
  if (auto file = dyn_cast<TensorFileAttr>(source))
    return openFile(name, file, type, rounds);
  if (auto random = dyn_cast<RandomAttr>(source))
    return makeComputed(RandomGenerator{random.getSeed(), float(random.getScale().getValueAsDouble())}, element);
  if (auto fill = dyn_cast<FillAttr>(source))
    return makeComputed(FillGenerator{float(fill.getValue().getValueAsDouble())}, element);
  if (auto rotary = dyn_cast<RotaryAnglesAttr>(source))
    return makeComputed(makeRotary(type.getShape(), rotary.getBase().getValueAsDouble()), element);
  if (auto blocks = dyn_cast<RowBlocksAttr>(source))
    return openRowBlocks(name, blocks, type, rounds);
  if (auto rows = dyn_cast<KeptRowsAttr>(source))
    return openKeptRows(name, rows, type, rounds);
  if (auto map = dyn_cast<RowMapAttr>(source))
    return getRowMapSource(map.getKept(), element);
  if (auto rounded = dyn_cast<RoundedAttr>(source))
    return open(name, rounded.getSource(), type, /*rounds=*/true);
  std::string text;
  llvm::raw_string_ostream(text) << source;
  return makeError(ErrorKind::Compile, "parameter '" + name + "' has a source that cannot be read: " + text);
}

/// What a quantised parameter is made of.
static RankedTensorType getExactType(ParameterOp parameter) {
  auto quantized = cast<QuantizedAttr>(parameter.getSource());
  return cast<RankedTensorType>(parameter.getType()).clone(quantized.getElementType());
}

llvm::Expected<std::shared_ptr<const Quantization>> ParameterSources::getQuantization(ParameterOp parameter) {
  std::shared_ptr<const Quantization> &known = quantizations[parameter.getSymName().str()];
  if (known)
    return known;
  auto quantized = cast<QuantizedAttr>(parameter.getSource());
  auto exact = open(parameter.getSymName(), quantized.getSource(), getExactType(parameter), /*rounds=*/true);
  if (!exact)
    return exact.takeError();
  auto chosen = chooseScales(parameter, **exact, jobs);
  if (!chosen)
    return chosen.takeError();
  return known = std::move(*chosen);
}

//===----------------------------------------------------------------------===//
// Pruned weights
//===----------------------------------------------------------------------===//

/// The whole weight in the elements that are stored.
static RankedTensorType getUnprunedType(ParameterOp parameter) {
  auto type = cast<RankedTensorType>(parameter.getType());
  FeaturePruningAttr pruning = parameter.getPrunedFeatures().getPruning();
  return type.clone({type.getDimSize(0), pruning.getNumFeatures(type.getDimSize(1))});
}

llvm::Expected<std::shared_ptr<const FeatureChoice>> ParameterSources::getFeatureChoice(ParameterOp parameter) {
  std::shared_ptr<const FeatureChoice> &known = featureChoices[parameter.getSymName().str()];
  if (known)
    return known;
  // Exact elements, so that the choice does not depend on the stored type.
  PrunedFeaturesAttr source = parameter.getPrunedFeatures();
  RankedTensorType type = getUnprunedType(parameter).clone(Float32Type::get(parameter.getContext()));
  auto whole = open(parameter.getSymName(), source.getSource(), type, /*rounds=*/false);
  if (!whole)
    return whole.takeError();
  return known = chooseFeatures(source.getPruning(), type.getShape(), **whole);
}

llvm::Expected<std::unique_ptr<ParameterSource>> ParameterSources::openPruned(ParameterOp parameter) {
  auto choice = getFeatureChoice(parameter);
  if (!choice)
    return choice.takeError();
  RankedTensorType type = getUnprunedType(parameter);
  auto whole = open(parameter.getSymName(), parameter.getPrunedFeatures().getSource(), type,
                    /*rounds=*/isa<RoundedAttr>(parameter.getSource()));
  if (!whole)
    return whole.takeError();
  return keepFeatures(std::move(*whole), *choice, type.getDimSize(1), type.getElementTypeBitWidth() / 8);
}

llvm::Expected<std::unique_ptr<ParameterSource>> ParameterSources::open(ParameterOp parameter) {
  if (auto scales = dyn_cast<QuantizationScalesAttr>(parameter.getSource())) {
    auto of = SymbolTable::lookupNearestSymbolFrom<ParameterOp>(parameter, scales.getParameter());
    if (!of || !isa<QuantizedAttr>(of.getSource()) || of.getScalesType() != parameter.getType())
      return makeError(ErrorKind::Compile, "parameter '" + parameter.getSymName() + "' has the scales of '" +
                                               scales.getParameter().getValue() + "', which has none of its type");
    auto quantization = getQuantization(of);
    if (!quantization)
      return quantization.takeError();
    return getScalesSource(*quantization);
  }
  if (auto features = dyn_cast<KeptFeaturesAttr>(parameter.getSource())) {
    auto of = SymbolTable::lookupNearestSymbolFrom<ParameterOp>(parameter, features.getParameter());
    if (!of || !of.getPrunedFeatures())
      return makeError(ErrorKind::Compile, "parameter '" + parameter.getSymName() + "' has the features of '" +
                                               features.getParameter().getValue() + "', which is not pruned");
    auto choice = getFeatureChoice(of);
    if (!choice)
      return choice.takeError();
    return getFeaturesSource(*choice);
  }
  if (parameter.getPrunedFeatures())
    return openPruned(parameter);
  if (auto quantized = dyn_cast<QuantizedAttr>(parameter.getSource())) {
    auto quantization = getQuantization(parameter);
    if (!quantization)
      return quantization.takeError();
    auto exact = open(parameter.getSymName(), quantized.getSource(), getExactType(parameter), /*rounds=*/true);
    if (!exact)
      return exact.takeError();
    return quantize(std::move(*exact), *quantization);
  }
  return open(parameter.getSymName(), parameter.getSource(), cast<RankedTensorType>(parameter.getType()),
              /*rounds=*/false);
}
