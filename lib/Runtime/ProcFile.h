// Parsing of the kernel's text files. The number parsers are our own: strtol and sscanf of newer C headers are symbols
// that the oldest supported glibc lacks.
#ifndef MF_LIB_RUNTIME_PROCFILE_H
#define MF_LIB_RUNTIME_PROCFILE_H

#include <stddef.h>
#include <stdint.h>

namespace mf::rt {

struct AddressRange {
  uint64_t begin, end;
};

/// Parses the "begin-end" in hexadecimal that opens a line of /proc/self/maps; false where the line has none.
bool parseRange(const char *line, AddressRange &range);

/// Parses a decimal number after blanks and moves `text` past it; false where there is none.
bool parseNumber(const char *&text, uint64_t &number);

/// Parses a line "name   number"; `name` includes its colon.
bool parseField(const char *line, const char *name, uint64_t &number);

/// Writes the path of the file that the code or data at `address` was mapped from; false where none is known.
bool findMappedFile(const void *address, char *path, size_t bytes);

} // namespace mf::rt

#endif // MF_LIB_RUNTIME_PROCFILE_H
