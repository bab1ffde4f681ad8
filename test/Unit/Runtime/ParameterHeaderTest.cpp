// Each way a parameter file can be wrong, and the message that says so.
#include "FakeModel.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <functional>

using namespace mf::test;

namespace {
/// A damaged file, and the end of the message after its path.
struct Damage {
  const char *name;
  std::function<void(ParameterImage &)> apply;
  bool sealed; ///< the header's digest is made to fit, so that a later check has to find it
  const char *message;
};
} // namespace

static const Damage damages[] = {
    {"short", [](ParameterImage &image) { image.bytes.resize(63); }, false,
     "truncated: a header has at least 64 bytes, the file has 63"},
    {"empty", [](ParameterImage &image) { image.bytes.clear(); }, false,
     "truncated: a header has at least 64 bytes, the file has 0"},
    {"magic", [](ParameterImage &image) { image.bytes[0] = 'X'; }, false,
     "not a parameter file: it does not begin with \"MFPARAM\""},
    {"version", [](ParameterImage &image) { image.header().version = 9; }, false,
     "format version: expected 1, found 9"},
    {"truncated", [](ParameterImage &image) { image.bytes.pop_back(); }, false,
     "truncated: its header says 5242880 bytes, the file has 5242879"},
    {"longer", [](ParameterImage &image) { image.bytes.push_back(0); }, false,
     "longer than its header says: 5242880 bytes expected, 5242881 found"},
    {"headerBytes", [](ParameterImage &image) { image.header().header_bytes = 100; }, false,
     "header size: expected 376 (for 3 tensors) to 5242880 bytes, found 100"},
    {"headerBytesHuge", [](ParameterImage &image) { image.header().header_bytes = ~uint64_t(0); }, false,
     "header size: expected 376 (for 3 tensors) to 5242880 bytes, found 18446744073709551615"},
    {"tensorCount", [](ParameterImage &image) { image.header().tensor_count = ~0u; }, false,
     "header size: expected 446676598744 (for 4294967295 tensors) to 5242880 bytes, found 399"},
    {"nameOutside", [](ParameterImage &image) { image.tensor(1).name_offset = 500; }, true,
     "tensor 1: its name at offset 500 is no NUL-terminated string within bytes [376, 399) of the header"},
    {"layoutInside", [](ParameterImage &image) { image.tensor(1).layout_offset = 70; }, true,
     "tensor 1: its layout at offset 70 is no NUL-terminated string within bytes [376, 399) of the header"},
    {"unterminated", [](ParameterImage &image) { image.bytes[397] = image.bytes[398] = 'x'; }, true,
     "tensor 0: its layout at offset 398 is no NUL-terminated string within bytes [376, 399) of the header"},
    {"rank", [](ParameterImage &image) { image.tensor(0).rank = 9; }, true,
     "tensor 'embedding': rank: expected at most 8, found 9"},
    {"bits", [](ParameterImage &image) { image.tensor(0).dtype_bits = 0; }, true,
     "tensor 'embedding': element bits: expected 1 to 64, found 0"},
    {"size", [](ParameterImage &image) { image.tensor(0).shape[0] = 10; }, true,
     "tensor 'embedding': size: expected 40 bytes of its shape and dtype, found 44"},
    {"sizeOverflow", [](ParameterImage &image) { image.tensor(1).shape[0] = uint64_t(1) << 41; }, true,
     "tensor 'table': the size of its shape overflows 64 bits"},
    {"unusedExtent", [](ParameterImage &image) { image.tensor(0).shape[3] = 2; }, true,
     "tensor 'embedding': extent 3 is beyond its rank 1: expected 0, found 2"},
    {"alignment", [](ParameterImage &image) { image.tensor(0).offset += 4; }, true,
     "tensor 'embedding': offset: expected a multiple of 64, found 452"},
    {"largeAlignment", [](ParameterImage &image) { image.tensor(1).offset -= 64; }, true,
     "tensor 'table': offset: expected a multiple of 2097152, found 2097088"},
    {"bounds", [](ParameterImage &image) { image.tensor(1).offset = 4 << 20; }, true,
     "tensor 'table': 3145728 bytes at offset 4194304 pass the file's end at 5242880"},
    {"boundsOverflow", [](ParameterImage &image) { image.tensor(1).offset = ~uint64_t(0) << 21; }, true,
     "tensor 'table': 3145728 bytes at offset 18446744073707454464 pass the file's end at 5242880"},
    {"overlapHeader", [](ParameterImage &image) { image.tensor(0).offset = 384; }, true,
     "tensor 'embedding': offset 384 overlaps what ends at 399 before it"},
    {"overlap", [](ParameterImage &image) { image.tensor(2).offset = 2 << 20; }, true,
     "tensor 'empty': offset 2097152 overlaps what ends at 5242880 before it"},
};

/// Opens the plan's parameters from a file by verify_parameters, whose first step is that of model_open.
static mf_status openFile(const std::string &path) { return api().verify_parameters(path.c_str()); }

TEST(ParameterHeader, eachDamageHasItsMessage) {
  for (const Damage &damage : damages) {
    setPlan(StateKind::KeyValue);
    ParameterImage image;
    damage.apply(image);
    if (damage.sealed)
      image.seal();
    std::string path = temporaryPath(damage.name);
    image.write(path);
    EXPECT_EQ(openFile(path), MF_BAD_PARAMETERS) << damage.name;
    EXPECT_EQ(api().last_error(), path + ": " + damage.message) << damage.name;
    std::remove(path.c_str());
  }
}

TEST(ParameterHeader, anyChangedByteIsFound) {
  setPlan(StateKind::KeyValue);
  ParameterImage image;
  std::string path = temporaryPath("changed");
  for (size_t i = 0; i < image.header().header_bytes; i += 7) {
    image.bytes[i] ^= 0x10;
    image.write(path);
    EXPECT_EQ(openFile(path), MF_BAD_PARAMETERS) << "byte " << i;
    image.bytes[i] ^= 0x10;
  }
  image.write(path);
  EXPECT_EQ(openFile(path), MF_OK) << api().last_error();
  std::remove(path.c_str());
}

TEST(ParameterHeader, ofAnotherModel) {
  setPlan(StateKind::KeyValue);
  ParameterImage image;
  std::string path = temporaryPath("another");
  image.write(path);
  char digest[17];
  snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)image.header().header_digest);
  plan().parameters_digest = 0x123;
  EXPECT_EQ(openFile(path), MF_BAD_PARAMETERS);
  EXPECT_EQ(api().last_error(),
            path + ": parameters of another model: this library expects digest 0000000000000123, found " + digest);
  std::remove(path.c_str());
}
