package io.bianque.standalone.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bianque.standalone.server.ServerFiles.ChecksumMismatch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServerFilesTest {

  @TempDir private Path folder;
  private Path servers;
  private Path jar;
  private ServerFiles files;

  @BeforeEach
  void deliver() throws IOException {
    servers = folder.resolve("servers");
    jar = servers.resolve("kafka/lib/kafka.jar");
    Files.createDirectories(jar.getParent());
    Files.writeString(jar, "jar");
    Path archive = servers.resolve("search/archive/elasticsearch.zip");
    Files.createDirectories(archive.getParent());
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(archive))) {
      zip.putNextEntry(new ZipEntry("elasticsearch-1/bin/elasticsearch"));
      zip.write("#!/bin/sh".getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }
    files = new ServerFiles(servers, folder.resolve("checksums.sha256"));
    files.pin();
  }

  @Test
  void archivesAreUnpackedWithoutTheirTopFolderAndWithExecutablePrograms() throws Exception {
    files.install();

    assertThat(servers.resolve("search/home/bin/elasticsearch")).isExecutable();
    assertThat(servers.resolve("search/archive")).doesNotExist();
    assertThat(files.isInstalled()).isTrue();
  }

  @Test
  void aFileThatDiffersIsRefusedWithBothSumsAndNothingIsUnpacked() throws IOException {
    Files.writeString(jar, "another");

    assertThatThrownBy(files::install)
        .isInstanceOf(ChecksumMismatch.class)
        .hasMessageContaining("kafka/lib/kafka.jar has sha256")
        .hasMessageContaining("./bianque build servers");
    assertThat(servers.resolve("search/home")).doesNotExist();
    assertThat(files.isInstalled()).isFalse();
  }

  @Test
  void aMissingFileAndAnUnlistedOneAreBothNamed() throws IOException {
    Files.move(jar, jar.resolveSibling("other.jar"));

    assertThatThrownBy(files::install)
        .hasMessageContaining("kafka/lib/kafka.jar is missing")
        .hasMessageContaining("kafka/lib/other.jar is not listed");
  }

  @Test
  void changedChecksumsMeanThatWhatIsInstalledIsOld() throws Exception {
    files.install();
    Files.writeString(folder.resolve("checksums.sha256"), "other");

    assertThat(files.isInstalled()).isFalse();
  }
}
