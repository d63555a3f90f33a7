package io.bianque.agent.container;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RuntimeFilesTest {
  private static final String ID =
      "4c01db0b339c0d5ec3e4b8f0b6f9aa3e3d5bb0b8b5cf0d0ce8a6ff2a1e9d4b77";
  private static final String UID = "2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11";

  @TempDir Path folder;
  private RecordedCgroups host;
  private RuntimeFiles files;

  @BeforeEach
  void open() {
    host = new RecordedCgroups(folder);
    files = new RuntimeFiles(host.host());
  }

  @Test
  void ofDockerWhereItsConfigurationSaysThatItKeepsItsData() {
    host.put("etc/docker/daemon.json", "{\"debug\": false, \"data-root\": \"/mnt/docker\"}");
    host.put("mnt/docker/containers/" + ID + "/config.v2.json", "{\"Name\":\"/web\"}");

    assertThat(files.container(ID, Optional.empty()).name()).contains("web");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "run/containerd/io.containerd.runtime.v2.task/k8s.io",
        "run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io"
      })
  void ofContainerdByItsBundle(String tasks) {
    host.put(
        tasks + "/" + ID + "/config.json",
        """
        {"ociVersion":"1.1.0","process":{"args":["/coredns","-conf","/etc/coredns/Corefile"],"env":["PATH=/"]},
         "mounts":[{"destination":"/proc","type":"proc","options":["nosuid"]}],
         "annotations":{
          "io.kubernetes.cri.container-name":"coredns","io.kubernetes.cri.container-type":"container",
          "io.kubernetes.cri.image-name":"registry.k8s.io/coredns/coredns:v1.11.1",
          "io.kubernetes.cri.sandbox-id":"b0a1","io.kubernetes.cri.sandbox-name":"coredns-7db6d8ff4d-8wv5x",
          "io.kubernetes.cri.sandbox-namespace":"kube-system","io.kubernetes.cri.sandbox-uid":"%s"},
         "linux":{"cgroupsPath":"kubepods-burstable.slice:cri-containerd:%s"}}
        """
            .formatted(UID, ID));

    assertThat(files.container(ID, Optional.empty()))
        .isEqualTo(
            new Described(
                Optional.of("coredns"),
                Optional.of("registry.k8s.io/coredns/coredns:v1.11.1"),
                Optional.of("containerd"),
                Optional.of(UID),
                Optional.of("coredns-7db6d8ff4d-8wv5x"),
                Optional.of("kube-system"),
                Map.of()));
  }

  @Test
  void ofDockerByItsOwnFileThoughContainerdHasABundleToo() {
    host.put(
        "run/containerd/io.containerd.runtime.v2.task/moby/" + ID + "/config.json",
        "{\"ociVersion\":\"1.1.0\",\"annotations\":{}}");
    host.put(
        "var/lib/docker/containers/" + ID + "/config.v2.json",
        """
        {"StreamConfig":{},"State":{"Running":true,"Pid":4711},"ID":"%s","Created":"2026-01-02T03:04:05.678901234Z",
         "Config":{"Hostname":"4c01db0b339c","Env":["A=b"],"Image":"nginx:1.27",
          "Labels":{"com.docker.compose.project":"shop","com.docker.compose.service":"web"}},
         "Image":"sha256:3b25b682ea82","Name":"/shop-web-1"}
        """
            .formatted(ID));

    assertThat(files.container(ID, Optional.empty()))
        .isEqualTo(
            new Described(
                Optional.of("shop-web-1"),
                Optional.of("nginx:1.27"),
                Optional.of("docker"),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of("com.docker.compose.project", "shop", "com.docker.compose.service", "web")));
  }

  @Test
  void ofCriOByItsBundlesAnnotations() {
    host.put(
        "run/containers/storage/overlay-containers/" + ID + "/userdata/config.json",
        """
        {"ociVersion":"1.1.0","annotations":{
          "io.container.manager":"cri-o","io.kubernetes.container.name":"etcd",
          "io.kubernetes.cri-o.ContainerID":"%s","io.kubernetes.cri-o.ContainerType":"container",
          "io.kubernetes.cri-o.ImageName":"registry.k8s.io/etcd:3.5.12-0",
          "io.kubernetes.cri-o.Labels":"{\\"app\\":\\"etcd\\",\\"io.kubernetes.container.name\\":\\"etcd\\",\\"io.kubernetes.pod.name\\":\\"etcd-cp1\\",\\"io.kubernetes.pod.namespace\\":\\"kube-system\\",\\"io.kubernetes.pod.uid\\":\\"%s\\"}"}}
        """
            .formatted(ID, UID));

    assertThat(files.container(ID, Optional.empty()))
        .isEqualTo(
            new Described(
                Optional.of("etcd"),
                Optional.of("registry.k8s.io/etcd:3.5.12-0"),
                Optional.of("cri-o"),
                Optional.of(UID),
                Optional.of("etcd-cp1"),
                Optional.of("kube-system"),
                Map.of("app", "etcd")));
  }

  @Test
  void ofPodmanByItsStore() {
    host.put(
        "var/lib/containers/storage/overlay-containers/containers.json",
        """
        [{"id":"00","names":["other"],"image":"1"},
         {"id":"%s","names":["web"],"image":"2","layer":"3",
          "metadata":"{\\"image-name\\":\\"docker.io/library/nginx:latest\\",\\"name\\":\\"web\\"}","created":"2026-01-02T03:04:05Z"}]
        """
            .formatted(ID));
    host.put(
        "var/lib/containers/storage/overlay-containers/" + ID + "/userdata/config.json",
        "{\"ociVersion\":\"1.0.2\",\"annotations\":{\"io.container.manager\":\"libpod\"}}");

    assertThat(files.container(ID, Optional.empty()))
        .isEqualTo(
            new Described(
                Optional.of("web"),
                Optional.of("docker.io/library/nginx:latest"),
                Optional.of("podman"),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Map.of()));
  }

  @Test
  void ofAPodByTheKubeletsFolderOfLogs() throws Exception {
    Files.createDirectories(host.path("var/log/pods/shop_web-7c9-x2_" + UID + "/nginx"));

    Described found = files.container(ID, Optional.of(UID));

    assertThat(found.podName()).contains("web-7c9-x2");
    assertThat(found.podNamespace()).contains("shop");
    assertThat(found.name()).isEmpty();
  }

  @Test
  void nothingWhereThereIsNoRuntime() {
    assertThat(files.container(ID, Optional.of(UID))).isEqualTo(Described.NOTHING);
    assertThat(files.troubles()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "{\"Name\":\"/web\",\"Config\":{\"Image\":\"ngi",
        "{\"Name\":\"/web\" \"Config\"",
        "\u0000\u0000\u0000\u0000"
      })
  void aTornFileIsCountedAndReadAgain(String torn) {
    String file = "var/lib/docker/containers/" + ID + "/config.v2.json";
    host.put(file, torn);

    assertThat(files.container(ID, Optional.empty())).isEqualTo(Described.NOTHING);
    assertThat(files.troubles()).containsExactly(Map.entry(RuntimeFiles.Trouble.TORN, 1L));

    host.put(file, "{\"Name\":\"/web\",\"Config\":{}}");
    assertThat(files.container(ID, Optional.empty()).name()).contains("web");
  }

  @Test
  void aHugeFileIsCountedAndNotRead() throws Exception {
    String file = "var/lib/docker/containers/" + ID + "/config.v2.json";
    host.put(file, "{\"Name\":\"/web\"}");
    try (RandomAccessFile grow = new RandomAccessFile(host.path(file).toFile(), "rw")) {
      grow.setLength(1L << 40);
    }

    assertThat(files.container(ID, Optional.empty())).isEqualTo(Described.NOTHING);
    assertThat(files.troubles()).containsExactly(Map.entry(RuntimeFiles.Trouble.TOO_LARGE, 1L));
  }

  @Test
  void whatIsNoFileIsCountedAndNotWaitedFor() throws Exception {
    Path file = host.path("var/lib/docker/containers/" + ID + "/config.v2.json");
    Files.createDirectories(file.getParent());
    assertThat(new ProcessBuilder("mkfifo", file.toString()).start().waitFor()).isZero();

    assertThat(files.container(ID, Optional.empty())).isEqualTo(Described.NOTHING);
    assertThat(files.troubles()).containsExactly(Map.entry(RuntimeFiles.Trouble.UNREADABLE, 1L));
  }

  @Test
  void aContainerNamedAsAPathIsNotLookedUp() {
    host.put("var/lib/docker/config.v2.json", "{\"Name\":\"/no\"}");
    host.put("var/lib/docker/containers/x/config.v2.json", "{\"Name\":\"/other\"}");

    assertThat(files.container("..", Optional.empty())).isEqualTo(Described.NOTHING);
  }
}
