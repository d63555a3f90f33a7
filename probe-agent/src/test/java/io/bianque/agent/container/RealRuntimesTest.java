package io.bianque.agent.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bianque.agent.container.ContainerWatch.Said;
import io.bianque.agent.host.HostRoot;
import io.bianque.agent.testing.KernelTest;
import io.bianque.facts.Container;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Containers that live for a tenth of a second, by the runtimes themselves. No look finds them:
 * there is one in an hour.
 */
@KernelTest
class RealRuntimesTest {
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final String IMAGE = "bianque/busybox:e2e";

  /** dockerd 20.10 makes it, wherever its configuration is. */
  private static final Path DOCKER_KEY = Path.of("/etc/docker/key.json");

  @TempDir Path folder;
  private final List<Container> told = new CopyOnWriteArrayList<>();
  private Path host;
  private ContainerFollower follower;

  @BeforeEach
  void begin() throws Exception {
    host = Files.createDirectory(folder.resolve("host"));
    for (Path each :
        List.of(Path.of("/proc"), Path.of("/sys"), folder.getRoot().resolve(folder.getName(0)))) {
      Files.createSymbolicLink(host.resolve(each.getFileName()), each);
    }
  }

  private void follow() {
    ContainerWatch watch =
        new ContainerWatch(
            new HostRoot(host), "host", "boot", folder.resolve("known"), InstantSource.system());
    follower =
        new ContainerFollower(
            watch,
            Duration.ofHours(1),
            said -> said.stream().map(Said::container).forEach(told::add));
    follower.start();
    await().atMost(LIMIT).until(() -> watch.report().looks() > 0);
  }

  @AfterEach
  void end() throws Exception {
    if (follower != null) {
      follower.stop();
    }
    Daemon.bash(host, "find . -type l -delete");
  }

  /** What was last told of a container's cgroups, when they have ended. */
  private List<Container> ended(String id) {
    int hierarchies = Hierarchy.mounted(new HostRoot(host)).size();
    return await("end of " + id + " in each hierarchy")
        .atMost(LIMIT)
        .until(
            () ->
                told.stream()
                    .filter(each -> id.equals(each.getContainerId()))
                    .filter(each -> each.getEndedAt() != null)
                    .toList(),
            found -> found.size() == hierarchies);
  }

  @Test
  void dockersContainerIsKnownThoughItsDataIsElsewhere() throws Exception {
    Daemon.requires("dockerd", "docker.io");
    Daemon.bash(Daemon.busybox(folder), "tar -c . >../image.tar");
    Path config = host.resolve("etc/docker/daemon.json");
    Files.createDirectories(config.getParent());
    Files.writeString(
        config,
        """
        {"data-root": "%1$s/data", "exec-root": "%1$s/exec", "pidfile": "%1$s/pid", "hosts": ["unix://%1$s/socket"],
         "storage-driver": "vfs", "bridge": "none", "iptables": false, "ip6tables": false, "ip-forward": false}
        """
            .formatted(folder));
    boolean keyWasThere = Files.exists(DOCKER_KEY);
    Daemon docker =
        new Daemon(folder, folder.resolve("socket"), "dockerd", "--config-file", config.toString());
    try {
      follow();
      docker.curl(
          "-X",
          "POST",
          "-T",
          folder + "/image.tar",
          "http://docker/images/create?fromSrc=-&repo=bianque/busybox&tag=e2e");
      String created =
          new String(
              docker.curl(
                  "-H",
                  "content-type: application/json",
                  "-d",
                  """
                  {"Image": "%s", "Cmd": ["/bin/sleep", "0.1"], "Labels": {"team": "kernel"},
                   "HostConfig": {"NetworkMode": "none", "AutoRemove": true}}
                  """
                      .formatted(IMAGE),
                  "http://docker/containers/create?name=web"),
              StandardCharsets.UTF_8);
      String id = created.replaceAll(".*\"Id\":\"([0-9a-f]{64})\".*", "$1").strip();
      docker.curl("-X", "POST", "http://docker/containers/" + id + "/start");

      assertThat(ended(id))
          .allSatisfy(container -> {
            assertThat(container.getContainerName()).isEqualTo("web");
            assertThat(container.getContainerImage()).isEqualTo(IMAGE);
            assertThat(container.getContainerRuntime()).isEqualTo("docker");
            assertThat(container.getLabels()).isEqualTo(Map.of("team", "kernel"));
            assertThat(container.getPodUid()).isNull();
          });
    } finally {
      docker.close("docker");
      if (!keyWasThere) {
        Files.deleteIfExists(DOCKER_KEY);
      }
    }
  }

  @Test
  void aContainerThatTheKubeletWouldMakeByContainerdIsKnownWithItsPod() throws Exception {
    Daemon.requires("containerd", "containerd");
    Files.createDirectories(host.resolve("run"));
    Files.createSymbolicLink(host.resolve("run/containerd"), folder.resolve("state"));
    Path config = folder.resolve("config.toml");
    Files.writeString(
        config,
        """
        version = 2
        root = "%1$s/data"
        state = "%1$s/state"
        [grpc]
          address = "%1$s/socket"
        [plugins."io.containerd.internal.v1.opt"]
          path = "%1$s/opt"
        [plugins."io.containerd.grpc.v1.cri"]
          sandbox_image = "docker.io/%2$s"
          # Not every root may lower a process's score.
          restrict_oom_score_adj = true
          [plugins."io.containerd.grpc.v1.cri".containerd]
            snapshotter = "native"
        """
            .formatted(folder, IMAGE));
    Daemon containerd =
        new Daemon(folder, folder.resolve("socket"), "containerd", "-c", config.toString());
    String uid = "5f0d3c3a-6d1c-4d59-b0f3-2b7b6a3e9c11";
    try {
      image();
      follow();
      Cri cri = new Cri(containerd, folder);
      byte[] pod = Cri.pod("web-0", "shop", uid, "/bianque/kubepods/burstable/pod" + uid);
      String podId = cri.runPod(pod);
      String id = cri.run(podId, pod, "nginx", "docker.io/" + IMAGE, "/bin/sleep", "0.1");
      List<Container> container = ended(id);
      cri.remove(podId);

      assertThat(container)
          .allSatisfy(each -> {
            assertThat(each.getContainerName()).isEqualTo("nginx");
            assertThat(each.getContainerImage()).isEqualTo("docker.io/" + IMAGE);
          });
      assertThat(ended(podId)).allSatisfy(each -> assertThat(each.getContainerName()).isNull());
      assertThat(told)
          .filteredOn(
              each -> id.equals(each.getContainerId()) || podId.equals(each.getContainerId()))
          .allSatisfy(each -> {
            assertThat(each.getContainerRuntime()).isEqualTo("containerd");
            assertThat(each.getPodName()).isEqualTo("web-0");
            assertThat(each.getPodNamespace()).isEqualTo("shop");
            assertThat(each.getPodUid()).isEqualTo(uid);
            assertThat(each.getPodQos()).isEqualTo("burstable");
          });
    } finally {
      containerd.close("bianque");
    }
  }

  /** An image as docker save writes it, whose program waits: a pod's first container must. */
  private void image() throws Exception {
    Daemon.bash(
        Daemon.busybox(folder),
        """
        mkdir ../image
        tar -c . >../image/layer.tar
        cd ../image
        echo '{"architecture": "'$(dpkg --print-architecture)'", "os": "linux", "config": {"Cmd": ["/bin/sleep", "600"]},
          "rootfs": {"type": "layers", "diff_ids": ["sha256:'$(sha256sum layer.tar | cut -d' ' -f1)'"]}}' >config.json
        echo '[{"Config": "config.json", "RepoTags": ["%1$s"], "Layers": ["layer.tar"]}]' >manifest.json
        tar -c manifest.json config.json layer.tar | ctr -a ../socket -n k8s.io images import -
        """
            .formatted(IMAGE));
  }
}
