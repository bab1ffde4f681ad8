// A growing array of plain elements, without the C++ library.
#ifndef MF_LIB_RUNTIME_GPUHOST_LIST_H
#define MF_LIB_RUNTIME_GPUHOST_LIST_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

namespace mf::rt::gpu {

/// Elements are copied as bytes. The memory goes with `release`, not with the object; an empty list is all zeros.
template <typename Element> struct List {
  Element *data;
  size_t size, capacity;

  /// False where memory is out; the list is as it was.
  bool push(const Element &element) {
    if (size == capacity && !reserve(capacity ? 2 * capacity : 16))
      return false;
    data[size++] = element;
    return true;
  }
  /// Makes it `count` elements, new ones zero.
  bool resize(size_t count) {
    if (!reserve(count))
      return false;
    if (count > size)
      memset(static_cast<void *>(data + size), 0, (count - size) * sizeof(Element));
    size = count;
    return true;
  }
  void clear() { size = 0; }
  void release() {
    free(data);
    *this = {};
  }

private:
  bool reserve(size_t count) {
    if (count <= capacity)
      return true;
    void *grown = realloc(data, count * sizeof(Element));
    if (!grown)
      return false;
    data = static_cast<Element *>(grown);
    capacity = count;
    return true;
  }
};

} // namespace mf::rt::gpu

#endif // MF_LIB_RUNTIME_GPUHOST_LIST_H
