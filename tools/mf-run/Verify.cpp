// Checks a parameter file against its own header, or by the library that it belongs to.
#include "Run.h"
#include "mf/Runtime/ParameterFile.h"

#include "llvm/Support/Endian.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/xxhash.h"

using namespace llvm;
using namespace mf::run;

namespace {
/// A mapped file whose header is being checked. The structs are read as they lie: the format is little-endian.
struct ParameterFile {
  StringRef path;
  StringRef bytes;
  mf_mfp_header header;

  Error checkHeader();
  Error checkTensor(uint32_t index);

private:
  Error bad(const Twine &text) const { return fail(ExitFirstStatus + MF_BAD_PARAMETERS, path + ": " + text); }
};
} // namespace

static uint64_t digest(StringRef bytes) {
  std::string blocks;
  for (; !bytes.empty(); bytes = bytes.drop_front(std::min<size_t>(bytes.size(), MF_MFP_DIGEST_BLOCK))) {
    char word[8];
    support::endian::write64le(word, xxHash64(bytes.take_front(MF_MFP_DIGEST_BLOCK)));
    blocks.append(word, sizeof(word));
  }
  return xxHash64(blocks);
}

Error ParameterFile::checkHeader() {
  if (bytes.size() < sizeof(header) || !bytes.starts_with(StringRef(MF_MFP_MAGIC, sizeof(header.magic))))
    return bad("no parameter file: it does not begin with " MF_MFP_MAGIC);
  memcpy(&header, bytes.data(), sizeof(header));
  if (header.version != MF_MFP_VERSION)
    return bad("expected version " + Twine(MF_MFP_VERSION) + ", found " + Twine(header.version));
  if (header.file_bytes != bytes.size())
    return bad("expected " + Twine(header.file_bytes) + " bytes, found " + Twine(bytes.size()));
  uint64_t records = sizeof(header) + uint64_t(header.tensor_count) * sizeof(mf_mfp_tensor);
  if (header.header_bytes < records || header.header_bytes > bytes.size())
    return bad("its header is damaged: " + Twine(header.tensor_count) + " tensors do not fit into " +
               Twine(header.header_bytes) + " bytes");
  std::string copy = bytes.take_front(header.header_bytes).str();
  support::endian::write64le(copy.data() + offsetof(mf_mfp_header, header_digest), 0);
  if (digest(copy) != header.header_digest)
    return bad("its header is damaged: the digest differs");
  return Error::success();
}

Error ParameterFile::checkTensor(uint32_t index) {
  mf_mfp_tensor tensor;
  memcpy(&tensor, bytes.data() + sizeof(header) + index * sizeof(tensor), sizeof(tensor));
  if (tensor.name_offset >= header.header_bytes || tensor.offset > bytes.size() ||
      tensor.bytes > bytes.size() - tensor.offset)
    return bad("tensor " + Twine(index) + " is outside the file");
  StringRef name = bytes.slice(tensor.name_offset, header.header_bytes);
  name = name.take_until([](char c) { return c == '\0'; });
  if (digest(bytes.substr(tensor.offset, tensor.bytes)) != tensor.digest)
    return bad("tensor '" + name + "' is damaged: the digest differs");
  return Error::success();
}

Error mf::run::verifyParameterFile(StringRef path, const Library *library, raw_ostream &os) {
  if (library)
    if (Error error = library->check(library->getAPI().verify_parameters(path.str().c_str())))
      return error;
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fail(ExitFile, path + ": " + buffer.getError().message());
  ParameterFile file = {path, (*buffer)->getBuffer(), {}};
  if (Error error = file.checkHeader())
    return error;
  // The library has read all tensors already.
  for (uint32_t i = 0; !library && i < file.header.tensor_count; ++i)
    if (Error error = file.checkTensor(i))
      return error;
  os << path << ": " << file.header.tensor_count << " tensors, " << file.header.file_bytes << " bytes, digest "
     << format_hex_no_prefix(file.header.header_digest, 16) << ": good\n";
  return Error::success();
}
