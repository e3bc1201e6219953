//===- DiskCacheTests.cpp - Entries on disk -------------------------------===//

#include "../Support/TempFile.h"
#include "DiskCache.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

using namespace dl;
using namespace dl::test;
namespace fs = std::filesystem;

namespace {

class DiskCacheFolder : public testing::Test {
protected:
  std::unique_ptr<DiskCache> open(uint64_t limit = DiskCache::kDefaultLimit) {
    return DiskCache::open(root, limit).value();
  }
  /// The files of the cache, by name.
  std::vector<fs::path> files() const {
    std::vector<fs::path> paths;
    for (const auto &entry : fs::directory_iterator(root))
      paths.push_back(entry.path());
    std::ranges::sort(paths);
    return paths;
  }

  TempFolder folder;
  std::string root = folder.path("a/b/cache");
};

/// What the error says of a folder.
std::string whyUnusable(const std::string &folder) {
  auto cache = DiskCache::open(folder);
  std::string place = folder + ": error: compiled code cannot be kept here: ";
  if (cache || !cache.error().message.starts_with(place))
    return cache ? "" : cache.error().message;
  return cache.error().message.substr(place.size());
}

CacheKey keyOf(const char *text) { return CacheKey().add(text); }

/// What is there, or `-`.
std::string textOf(const DiskCache &cache, const CacheKey &key) {
  auto found = cache.find(key);
  return found ? found->getBuffer().str() : "-";
}

TEST(CacheKey, TellsListsOfPartsApart) {
  EXPECT_EQ(CacheKey().add("ab").add("c").digest(), CacheKey().add("ab").add("c").digest());
  EXPECT_NE(CacheKey().add("ab").add("c").digest(), CacheKey().add("a").add("bc").digest());
  EXPECT_NE(CacheKey().add("").digest(), CacheKey().digest());
  EXPECT_NE(CacheKey().add(0.).digest(), CacheKey().add(-0.).digest());
}

TEST_F(DiskCacheFolder, KeepsEntriesForLater) {
  EXPECT_EQ(textOf(*open(), keyOf("a")), "-");
  open()->put(keyOf("a"), "one");
  open()->put(keyOf("b"), "");
  EXPECT_EQ(textOf(*open(), keyOf("a")), "one");
  EXPECT_EQ(textOf(*open(), keyOf("b")), "");
  open()->put(keyOf("a"), "two");
  EXPECT_EQ(textOf(*open(), keyOf("a")), "two");
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(DiskCacheFolder, IsPrivate) {
  open()->put(keyOf("a"), "one");
  struct stat status;
  ASSERT_EQ(stat(root.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  ASSERT_EQ(stat(files()[0].c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(DiskCacheFolder, DoesNotTrustFoldersThatOthersMayWrite) {
  open()->put(keyOf("a"), "one");
  for (mode_t mode : {0770, 0707}) {
    chmod(root.c_str(), mode);
    EXPECT_EQ(whyUnusable(root), "other users may write to it");
  }
  chmod(root.c_str(), 0755);
  EXPECT_NE(open(), nullptr);
}

TEST_F(DiskCacheFolder, IgnoresEveryDamagedByteAndEveryTruncation) {
  auto cache = open();
  cache->put(keyOf("a"), "payload");
  std::string path = files()[0], whole = TempFolder::read(path);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    std::ofstream(path, std::ios::binary) << damaged;
    EXPECT_EQ(textOf(*cache, keyOf("a")), "-") << "byte " << i;
    std::ofstream(path, std::ios::binary) << whole.substr(0, i);
    EXPECT_EQ(textOf(*cache, keyOf("a")), "-") << "length " << i;
  }
  std::ofstream(path, std::ios::binary) << whole << "x";
  EXPECT_EQ(textOf(*cache, keyOf("a")), "-");
  cache->put(keyOf("a"), "payload");
  EXPECT_EQ(textOf(*cache, keyOf("a")), "payload");
}

TEST_F(DiskCacheFolder, IgnoresForeignEntries) {
  auto cache = open();
  cache->put(keyOf("a"), "one");
  fs::path a = files()[0];
  cache->put(keyOf("b"), "two");
  fs::path b = files()[0] == a ? files()[1] : files()[0];
  // The entry of another key under this one's name; a link; a folder.
  fs::copy_file(b, a, fs::copy_options::overwrite_existing);
  EXPECT_EQ(textOf(*cache, keyOf("a")), "-");
  fs::remove(a);
  fs::create_symlink(b, a);
  EXPECT_EQ(textOf(*cache, keyOf("a")), "-");
  fs::remove(a);
  fs::create_directory(a);
  EXPECT_EQ(textOf(*cache, keyOf("a")), "-");
  cache->put(keyOf("a"), "one"); // cannot replace it, and does not mind
  EXPECT_EQ(textOf(*cache, keyOf("b")), "two");
}

TEST_F(DiskCacheFolder, RemovesTheOldest) {
  auto cache = open(/*limit=*/3500);
  std::string kilobyte(1000, 'x');
  for (const char *name : {"a", "b", "c"}) {
    cache->put(keyOf(name), kilobyte);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  // Found, so young again.
  EXPECT_EQ(textOf(*cache, keyOf("a")), kilobyte);
  cache->put(keyOf("d"), kilobyte);
  cache->trim();
  EXPECT_EQ(textOf(*cache, keyOf("b")), "-");
  for (const char *name : {"a", "c", "d"})
    EXPECT_EQ(textOf(*cache, keyOf(name)), kilobyte) << name;
}

TEST_F(DiskCacheFolder, RemovesWhatDeadProcessesLeft) {
  auto cache = open();
  auto left = [&](const char *name, int hours) {
    std::ofstream(fs::path(root) / name) << "part of an entry";
    fs::last_write_time(fs::path(root) / name,
                        fs::file_time_type::clock::now() - std::chrono::hours(hours));
  };
  left("x.1.0.new", 2);
  left("y.2.0.new", 0); // somebody may be writing it
  left("notes.txt", 2); // none of ours
  cache->trim();
  EXPECT_EQ(files(), (std::vector<fs::path>{root + "/notes.txt", root + "/y.2.0.new"}));
}

TEST_F(DiskCacheFolder, WritersDoNotDisturbReaders) {
  std::string contents[2] = {std::string(20000, 'a'), std::string(30000, 'b')};
  open()->put(keyOf("k"), contents[0]);
  std::vector<std::thread> writers;
  for (const std::string &content : contents)
    writers.emplace_back([&] {
      auto own = open();
      for (int i = 0; i < 100; ++i)
        own->put(keyOf("k"), content);
    });
  auto cache = open();
  for (int i = 0; i < 200; ++i) {
    std::string found = textOf(*cache, keyOf("k"));
    EXPECT_TRUE(found == contents[0] || found == contents[1]) << found.substr(0, 10);
  }
  for (std::thread &writer : writers)
    writer.join();
  EXPECT_EQ(files().size(), 1u);
}

TEST(DiskCache, TellsWhyAFolderCannotBeUsed) {
  TempFolder folder;
  EXPECT_EQ(whyUnusable(""), "No such file or directory");
  EXPECT_EQ(whyUnusable(folder.write("file", "x")), "Not a directory");
  EXPECT_EQ(whyUnusable("/dev/null/dlc"), "Not a directory");
  EXPECT_EQ(whyUnusable("/proc/dlc"), "No such file or directory");
  if (geteuid() == 0)
    GTEST_SKIP() << "root may write everywhere";
  EXPECT_EQ(whyUnusable("/"), "Permission denied");
}

TEST(DiskCache, FindsTheUsersFolder) {
  auto folderWith = [](const char *xdg, const char *home) {
    setenv("XDG_CACHE_HOME", xdg, 1);
    setenv("HOME", home, 1);
    return DiskCache::userFolder();
  };
  std::string xdg = std::getenv("XDG_CACHE_HOME") ? std::getenv("XDG_CACHE_HOME") : "";
  std::string home = std::getenv("HOME") ? std::getenv("HOME") : "";
  EXPECT_EQ(folderWith("/x", "/h"), "/x/dlc");
  EXPECT_EQ(folderWith("", "/h"), "/h/.cache/dlc");
  EXPECT_EQ(folderWith("relative", "/h"), "/h/.cache/dlc");
  EXPECT_EQ(folderWith("", ""), "");
  setenv("XDG_CACHE_HOME", xdg.c_str(), 1);
  setenv("HOME", home.c_str(), 1);
}

} // namespace
