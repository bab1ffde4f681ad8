// Digests against values of the reference implementation of XXH64 (python-xxhash 3, seed 0).
#include "Digest.h"
#include "ThreadPool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

using namespace mf::rt;

static std::vector<unsigned char> pattern(size_t bytes) {
  std::vector<unsigned char> data(bytes);
  for (size_t i = 0; i < bytes; ++i)
    data[i] = static_cast<unsigned char>(i * 37 + 11);
  return data;
}

TEST(Digest, texts) {
  EXPECT_EQ(xxh64("", 0), 0xef46db3751d8e999u);
  EXPECT_EQ(xxh64("a", 1), 0xd24ec4f1a98c6e5bu);
  EXPECT_EQ(xxh64("abc", 3), 0x44bc2cf5ad770999u);
  const char *sentence = "Nobody inspects the spammish repetition";
  EXPECT_EQ(xxh64(sentence, strlen(sentence)), 0xfbcea83c8a378bf1u);
}

TEST(Digest, lengthsAroundLanesAndStripes) {
  const struct {
    size_t bytes;
    uint64_t digest;
  } cases[] = {{1, 0xf592c0c7639c4cb6},  {3, 0x22c08528601d4f27},  {4, 0xfb1e5cf2f1ae4d95},  {7, 0x5613ac510496c04e},
               {8, 0x57cb2b7521f3e21a},  {12, 0x2f53b00266039e64}, {31, 0xe4a0e629e519a4ae}, {32, 0xcc6b8aaada790b2d},
               {33, 0x35ec49850475a832}, {63, 0xbf9f0ba3cf95b28a}, {64, 0x155ccce4bf32befc}, {65, 0xda5ee441a595cfb8},
               {100, 0x4826e367566ea023}};
  std::vector<unsigned char> data = pattern(100);
  for (auto entry : cases)
    EXPECT_EQ(xxh64(data.data(), entry.bytes), entry.digest) << entry.bytes;
}

TEST(Digest, blocks) {
  const struct {
    uint64_t bytes, digest;
  } cases[] = {{0, 0xef46db3751d8e999},       {1, 0x1d878aeac5b4508c},       {1048575, 0x310b4f5c8d229e1a},
               {1048576, 0x65b4cfd5e46eded3}, {1048577, 0x13d025cf770651cd}, {2621447, 0xd21f44869240ed22}};
  std::vector<unsigned char> data = pattern(3 << 20);
  mf_rt_pool *pool = nullptr;
  ASSERT_EQ(createPool(3, nullptr, pool), MF_OK);
  for (mf_rt_pool *hasher : {static_cast<mf_rt_pool *>(nullptr), pool})
    for (auto entry : cases) {
      uint64_t digest = 0;
      ASSERT_TRUE(digestBlocks(hasher, data.data(), entry.bytes, digest));
      EXPECT_EQ(digest, entry.digest) << entry.bytes;
    }
  destroyPool(pool);
}
