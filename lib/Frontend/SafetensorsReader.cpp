// Safetensors headers: 8 bytes of length, that many bytes of JSON, data. Files come from anywhere: nothing in them is
// believed.
#include "mf/Frontend/SafetensorsReader.h"
#include "mf/Frontend/RegularFile.h"
#include "mf/Frontend/StrictJSON.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/Endian.h"
#include <tuple>

using namespace mlir::mf;
namespace json = llvm::json;
using llvm::StringRef;
using llvm::Twine;

// Both from the format's description.
static constexpr uint64_t kLengthBytes = 8;
static constexpr uint64_t kMaxHeaderBytes = 100000000;
static constexpr StringRef kMetadata = "__metadata__";

std::string mlir::mf::describeShape(llvm::ArrayRef<uint64_t> shape) {
  std::string text = "[";
  llvm::raw_string_ostream os(text);
  llvm::interleaveComma(shape, os);
  return text + "]";
}

std::string TensorRecord::describe() const { return dtype + " " + describeShape(shape); }

/// Bits of an element; 0 for a type that the format does not have.
static uint64_t dtypeBits(StringRef dtype) {
  return llvm::StringSwitch<uint64_t>(dtype)
      .Case("F4", 4)
      .Cases({"F6_E2M3", "F6_E3M2"}, 6)
      .Cases({"BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"}, 8)
      .Cases({"U16", "I16", "F16", "BF16"}, 16)
      .Cases({"U32", "I32", "F32"}, 32)
      .Cases({"U64", "I64", "F64", "C64"}, 64)
      .Default(0);
}

/// The elements as counts; nullopt where one is none.
static std::optional<std::vector<uint64_t>> readCounts(const json::Value *value) {
  const json::Array *array = value ? value->getAsArray() : nullptr;
  if (!array)
    return std::nullopt;
  std::vector<uint64_t> counts;
  for (const json::Value &element : *array) {
    std::optional<uint64_t> count = element.getAsUINT64();
    if (!count)
      return std::nullopt;
    counts.push_back(*count);
  }
  return counts;
}

/// Bytes of a tensor; nullopt where they are no whole number below 2^64.
static std::optional<uint64_t> tensorBytes(llvm::ArrayRef<uint64_t> shape, uint64_t bits) {
  std::optional<uint64_t> size = bits;
  for (uint64_t extent : shape) {
    size = llvm::checkedMulUnsigned(*size, extent);
    if (!size)
      return std::nullopt;
  }
  return *size % 8 == 0 ? std::optional<uint64_t>(*size / 8) : std::nullopt;
}

namespace {
/// Reads one file.
class HeaderReader {
public:
  HeaderReader(StringRef path, Problems &problems) : path(path), problems(problems) {}

  std::optional<SafetensorsFile> read(StringRef bytes);

private:
  std::optional<StringRef> findHeader(StringRef bytes);
  void checkMetadata(const json::Value &value);
  void readTensor(StringRef name, const json::Value &value);
  /// Offsets count from the beginning of the data here.
  void checkOffsets(uint64_t dataBytes);
  void expect(const Twine &name, const Twine &expected, const Twine &found) {
    problems.add(path, name, expected, found);
  }

  StringRef path;
  Problems &problems;
  std::vector<TensorRecord> tensors;
};
} // namespace

std::optional<StringRef> HeaderReader::findHeader(StringRef bytes) {
  if (bytes.size() < kLengthBytes) {
    expect("header", "8 bytes with its length", "a file of " + Twine(bytes.size()) + " bytes");
    return std::nullopt;
  }
  uint64_t length = llvm::support::endian::read64le(bytes.data());
  if (length > kMaxHeaderBytes) {
    expect("header", "at most " + Twine(kMaxHeaderBytes) + " bytes", Twine(length));
    return std::nullopt;
  }
  if (length > bytes.size() - kLengthBytes) {
    expect("header", "a header inside the file of " + Twine(bytes.size()) + " bytes", Twine(length) + " bytes");
    return std::nullopt;
  }
  StringRef header = bytes.substr(kLengthBytes, length);
  if (!header.starts_with("{")) {
    expect("header", "a JSON object that begins with '{'",
           "\"" + llvm::toHex(header.take_front(4)) + "\" (hexadecimal)");
    return std::nullopt;
  }
  return header;
}

void HeaderReader::checkMetadata(const json::Value &value) {
  const json::Object *metadata = value.getAsObject();
  if (!metadata)
    return expect(kMetadata, "an object of strings", describeJSON(value));
  for (StringRef key : sortedKeys(*metadata))
    if (!metadata->getString(key))
      expect(kMetadata + Twine(".") + key, "a string", describeJSON(*metadata->get(key)));
}

void HeaderReader::readTensor(StringRef name, const json::Value &value) {
  const json::Object *object = value.getAsObject();
  if (!object)
    return expect(name, "an object with dtype, shape and data_offsets", describeJSON(value));
  size_t before = problems.size();
  for (StringRef key : sortedKeys(*object))
    if (key != "dtype" && key != "shape" && key != "data_offsets")
      expect(name, "only the keys dtype, shape and data_offsets", "\"" + key + "\"");
  auto found = [&](StringRef key) {
    const json::Value *part = object->get(key);
    return part ? describeJSON(*part) : std::string("none");
  };
  std::optional<StringRef> dtype = object->getString("dtype");
  uint64_t bits = dtype ? dtypeBits(*dtype) : 0;
  if (!bits)
    expect(name, "a dtype of the format, such as \"F32\"", found("dtype"));
  std::optional<std::vector<uint64_t>> shape = readCounts(object->get("shape"));
  if (!shape)
    expect(name, "a shape of whole numbers", found("shape"));
  std::optional<std::vector<uint64_t>> offsets = readCounts(object->get("data_offsets"));
  if (!offsets || offsets->size() != 2 || (*offsets)[0] > (*offsets)[1])
    expect(name, "data_offsets [begin, end] with begin <= end", found("data_offsets"));
  if (problems.size() != before)
    return;

  uint64_t bytes = (*offsets)[1] - (*offsets)[0];
  std::optional<uint64_t> needed = tensorBytes(*shape, bits);
  if (!needed)
    return expect(name, "a tensor of whole bytes below 2^64 bits", *dtype + " " + describeShape(*shape));
  if (*needed != bytes)
    return expect(name, Twine(*needed) + " bytes for " + *dtype + " " + describeShape(*shape),
                  Twine(bytes) + " bytes in data_offsets");
  tensors.push_back({name.str(), dtype->str(), std::move(*shape), (*offsets)[0], bytes});
}

void HeaderReader::checkOffsets(uint64_t dataBytes) {
  // An empty tensor stands before the one that begins where it ends.
  llvm::sort(tensors, [](const TensorRecord &a, const TensorRecord &b) {
    return std::tie(a.offset, a.bytes, a.name) < std::tie(b.offset, b.bytes, b.name);
  });
  uint64_t end = 0;
  for (const TensorRecord &tensor : tensors) {
    if (tensor.offset != end)
      return expect(tensor.name, "data from byte " + Twine(end) + " on, where the tensor before it ends",
                    "data from byte " + Twine(tensor.offset) + " on, " +
                        (tensor.offset < end ? "an overlap" : "a gap"));
    end = tensor.offset + tensor.bytes;
  }
  if (end != dataBytes)
    expect("data", Twine(end) + " bytes, as the header says", Twine(dataBytes) + " bytes");
}

std::optional<SafetensorsFile> HeaderReader::read(StringRef bytes) {
  size_t before = problems.size();
  std::optional<StringRef> header = findHeader(bytes);
  if (!header)
    return std::nullopt;
  std::optional<json::Object> object = parseStrictJSON(*header, path, "header", problems);
  if (!object)
    return std::nullopt;
  for (StringRef name : sortedKeys(*object)) {
    if (name == kMetadata)
      checkMetadata(*object->get(name));
    else
      readTensor(name, *object->get(name));
  }
  // Where a tensor is left out for its own problem, its neighbours would be told as gaps.
  uint64_t dataOffset = kLengthBytes + header->size();
  if (problems.size() == before)
    checkOffsets(bytes.size() - dataOffset);
  if (problems.size() != before)
    return std::nullopt;
  for (TensorRecord &tensor : tensors)
    tensor.offset += dataOffset;
  return SafetensorsFile{path.str(), std::move(tensors)};
}

std::optional<SafetensorsFile> mlir::mf::parseSafetensors(StringRef bytes, StringRef path, Problems &problems) {
  return HeaderReader(path, problems).read(bytes);
}

std::optional<SafetensorsFile> mlir::mf::readSafetensors(StringRef path, Problems &problems) {
  std::optional<RegularFile> file = RegularFile::open(path, problems);
  if (!file)
    return std::nullopt;
  return parseSafetensors(file->bytes(), path, problems);
}
