//===- AtomicFileTests.cpp - Files that are whole or absent ---------------===//

#include "TempFile.h"
#include "dl/Support/AtomicFile.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using dl::AtomicFile;
using dl::test::TempFolder;
namespace fs = std::filesystem;

namespace {

class AtomicFileTest : public testing::Test {
protected:
  static std::string read(const std::string &path) { return TempFolder::read(path); }
  size_t files() const { return folder.count(); }

  TempFolder folder;
  std::string path = folder.path("file");
};

TEST_F(AtomicFileTest, AppearsWhenCommitted) {
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write("ab", 2).ok());
    ASSERT_TRUE(file->write("c", 1).ok());
    EXPECT_FALSE(fs::exists(path));
    ASSERT_TRUE(file->commit().ok());
  }
  EXPECT_EQ(read(path), "abc");
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFileTest, LeavesTheOldFileWhenAbandoned) {
  std::ofstream(path) << "old";
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write("new", 3).ok());
  }
  EXPECT_EQ(read(path), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(AtomicFileTest, KeepsTheAccessRights) {
  std::ofstream(path) << "old";
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file.ok() && file->commit().ok());
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(AtomicFileTest, ReplacesWhatALinkLeadsTo) {
  fs::create_directory(folder.path("elsewhere"));
  folder.write("elsewhere/target", "old");
  fs::create_symlink("elsewhere/target", path);
  auto file = AtomicFile::create(path);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write("new", 3).ok());
  ASSERT_TRUE(file->commit().ok());
  EXPECT_TRUE(fs::is_symlink(path));
  EXPECT_EQ(read(folder.path("elsewhere/target")), "new");
}

TEST_F(AtomicFileTest, NamesThePlace) {
  std::string nowhere = folder.path("none/file");
  auto file = AtomicFile::create(nowhere);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().message,
            nowhere + ": error: cannot be written: No such file or directory");
}

TEST_F(AtomicFileTest, WritesIntoAPipeAndLeavesItThere) {
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write("new", 3).ok() && file->commit().ok());
  }
  char text[4] = {};
  EXPECT_EQ(::read(reader, text, 3), 3);
  EXPECT_STREQ(text, "new");
  EXPECT_TRUE(fs::is_fifo(path));
  close(reader);
}

TEST_F(AtomicFileTest, CannotReplaceAFolder) {
  fs::create_directories(path);
  {
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.ok());
    EXPECT_FALSE(file->commit().ok());
  }
  EXPECT_EQ(files(), 1u);
}

} // namespace
