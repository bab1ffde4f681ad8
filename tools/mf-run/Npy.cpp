// Reading and writing NumPy's array files.
//
//   "\x93NUMPY" | major, minor | header length (u16 in 1.0, u32 in 2.0) | header | elements
//
// The header is a Python dictionary with the keys descr, fortran_order and shape, padded with spaces to a newline.
#include "Npy.h"

#include "Failure.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"

using namespace llvm;
using namespace mf::run;

static constexpr StringLiteral npyMagic("\x93NUMPY");

namespace {
/// A type name of NumPy's, without its byte order.
struct NpyType {
  StringLiteral name;
  DLDataType dtype;
};

/// What a header says.
struct NpyHeader {
  DLDataType dtype = {};
  SmallVector<int64_t> shape;
};

/// Parses the dictionary of one header.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}

  /// Fills `header`; on failure `problem` says what was expected.
  bool parse(NpyHeader &header);
  std::string problem;

private:
  bool parseEntry(NpyHeader &header);
  bool parseType(DLDataType &dtype);
  bool parseShape(SmallVectorImpl<int64_t> &shape);
  bool parseString(StringRef &value);
  bool expect(StringRef token);
  bool accept(StringRef token);
  bool error(const Twine &text) {
    problem = text.str();
    return false;
  }

  StringRef rest;
  SmallVector<StringRef, 3> seen;
};
} // namespace

static ArrayRef<NpyType> getNpyTypes() {
  static const NpyType types[] = {{"f2", {kDLFloat, 16, 1}}, {"f4", {kDLFloat, 32, 1}}, {"f8", {kDLFloat, 64, 1}},
                                  {"i1", {kDLInt, 8, 1}},    {"i2", {kDLInt, 16, 1}},   {"i4", {kDLInt, 32, 1}},
                                  {"i8", {kDLInt, 64, 1}},   {"u1", {kDLUInt, 8, 1}},   {"u2", {kDLUInt, 16, 1}}};
  return types;
}

bool HeaderParser::accept(StringRef token) {
  rest = rest.ltrim(' ');
  return rest.consume_front(token);
}

bool HeaderParser::expect(StringRef token) {
  return accept(token) || error("expected '" + token + "' in the header, found '" + rest.take_front(12) + "'");
}

bool HeaderParser::parseString(StringRef &value) {
  if (!expect("'"))
    return false;
  value = rest.take_until([](char c) { return c == '\''; });
  rest = rest.drop_front(value.size());
  return expect("'");
}

bool HeaderParser::parseType(DLDataType &dtype) {
  StringRef descr;
  if (!parseString(descr))
    return false;
  StringRef name = descr.drop_front(descr.empty() ? 0 : 1);
  for (const NpyType &type : getNpyTypes()) {
    char order = type.dtype.bits == 8 ? '|' : '<';
    if (name == type.name && descr.front() == order) {
      dtype = type.dtype;
      return true;
    }
  }
  return error("expected elements of type <f2 <f4 <f8 |i1 <i2 <i4 <i8 |u1 or <u2, found '" + descr + "'");
}

bool HeaderParser::parseShape(SmallVectorImpl<int64_t> &shape) {
  if (!expect("("))
    return false;
  while (!accept(")")) {
    int64_t extent = 0;
    rest = rest.ltrim(' ');
    if (rest.empty() || !isDigit(rest.front()) || rest.consumeInteger(10, extent))
      return error("expected an extent in the shape, found '" + rest.take_front(12) + "'");
    shape.push_back(extent);
    if (accept(","))
      continue;
    // A tuple of one needs its comma, the last of several does not.
    if (shape.size() < 2 || !rest.starts_with(")"))
      return error("expected ',' in the shape, found '" + rest.take_front(12) + "'");
  }
  return true;
}

bool HeaderParser::parseEntry(NpyHeader &header) {
  StringRef key;
  if (!parseString(key) || !expect(":"))
    return false;
  if (is_contained(seen, key))
    return error("the key '" + key + "' is there twice");
  seen.push_back(key);
  if (key == "descr")
    return parseType(header.dtype);
  if (key == "shape")
    return parseShape(header.shape);
  if (key != "fortran_order")
    return error("the key '" + key + "' is unknown");
  if (accept("True"))
    return error("expected C order, found Fortran order");
  return expect("False");
}

bool HeaderParser::parse(NpyHeader &header) {
  if (!expect("{"))
    return false;
  while (!accept("}")) {
    if (!parseEntry(header))
      return false;
    if (!accept(",") && !rest.ltrim(' ').starts_with("}"))
      return error("expected ',' in the header, found '" + rest.take_front(12) + "'");
  }
  if (seen.size() != 3)
    return error("the header lacks one of descr, fortran_order and shape");
  return rest.trim(' ') == "\n" || error("expected nothing after the header's dictionary");
}

/// Splits a file into header text and elements; an error's text on failure.
static Expected<std::pair<StringRef, StringRef>> splitFile(StringRef path, StringRef bytes) {
  auto malformed = [&](const Twine &text) { return fail(ExitFile, path + ": " + text); };
  if (!bytes.starts_with(npyMagic) || bytes.size() < 10)
    return malformed("no .npy file: it does not begin with NumPy's magic");
  uint8_t major = bytes[6], minor = bytes[7];
  if ((major != 1 && major != 2) || minor != 0)
    return malformed("expected format version 1.0 or 2.0, found " + Twine(unsigned(major)) + "." +
                     Twine(unsigned(minor)));
  size_t start = major == 1 ? 10 : 12;
  if (bytes.size() < start)
    return malformed("truncated in its header");
  size_t length =
      major == 1 ? support::endian::read16le(bytes.data() + 8) : support::endian::read32le(bytes.data() + 8);
  if (bytes.size() - start < length)
    return malformed("truncated in its header");
  return std::pair(bytes.substr(start, length), bytes.substr(start + length));
}

Expected<Array> mf::run::readNpy(StringRef path) {
  auto file = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return fail(ExitFile, path + ": " + file.getError().message());
  auto parts = splitFile(path, (*file)->getBuffer());
  if (!parts)
    return parts.takeError();
  HeaderParser parser(parts->first);
  NpyHeader header;
  if (!parser.parse(header))
    return fail(ExitFile, path + ": " + parser.problem);
  auto array = Array::create(header.dtype, header.shape);
  if (!array)
    return fail(ExitFile, path + ": " + toString(array.takeError()));
  if (array->data->getBufferSize() != parts->second.size())
    return fail(ExitFile, path + ": expected " + Twine(array->data->getBufferSize()) + " bytes of elements for " +
                              array->getTypeText() + ", found " + Twine(parts->second.size()));
  memcpy(array->data->getBufferStart(), parts->second.data(), parts->second.size());
  return array;
}

static void writeArray(raw_ostream &os, const NpyType &type, const Array &array) {
  std::string shape;
  for (int64_t extent : array.shape)
    shape += itostr(extent) + ", ";
  std::string header =
      ("{'descr': '" + Twine(type.dtype.bits == 8 ? "|" : "<") + type.name + "', 'fortran_order': False, 'shape': (" +
       StringRef(shape).rtrim(array.shape.size() > 1 ? ", " : " ") + "), }")
          .str();
  // Elements begin at a multiple of 64 bytes; the header ends in a newline.
  header.append(offsetToAlignment(10 + header.size() + 1, Align(64)), ' ');
  header += '\n';
  char length[2];
  support::endian::write16le(length, static_cast<uint16_t>(header.size()));
  os << npyMagic << '\x01' << '\0' << StringRef(length, 2) << header
     << StringRef(array.data->getBufferStart(), array.data->getBufferSize());
}

Error mf::run::writeNpy(StringRef path, const Array &array) {
  for (const NpyType &type : getNpyTypes()) {
    if (type.dtype.code != array.dtype.code || type.dtype.bits != array.dtype.bits)
      continue;
    Error error = writeToOutput(path, [&](raw_ostream &os) {
      writeArray(os, type, array);
      return Error::success();
    });
    return error ? fail(ExitFile, path + ": " + toString(std::move(error))) : Error::success();
  }
  return fail(ExitFile, path + ": NumPy has no type for " + array.getTypeText());
}
