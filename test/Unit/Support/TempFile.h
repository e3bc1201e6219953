//===- TempFile.h - Files of tests ------------------------------*- C++ -*-===//

#ifndef DL_TEST_UNIT_SUPPORT_TEMPFILE_H
#define DL_TEST_UNIT_SUPPORT_TEMPFILE_H

#include "gtest/gtest.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace dl::test {

/// A fresh folder, removed with all that is in it.
class TempFolder {
public:
  TempFolder() {
    std::string name = testing::TempDir() + "dl-XXXXXX";
    root = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(root); }
  std::string path(const std::string &name) const { return (root / name).string(); }
  std::string write(const std::string &name, std::string_view bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  static std::string read(const std::string &path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  size_t count() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(root), {}));
  }

private:
  std::filesystem::path root;
};

} // namespace dl::test

#endif // DL_TEST_UNIT_SUPPORT_TEMPFILE_H
