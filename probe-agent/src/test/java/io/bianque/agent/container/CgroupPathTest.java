package io.bianque.agent.container;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.UUID;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CgroupPathTest {
  private static final String ID =
      "4c01db0b339c0d5ec3e4b8f0b6f9aa3e3d5bb0b8b5cf0d0ce8a6ff2a1e9d4b77";

  /** As the tools write them; {@code ID} stands for 64 hex digits. */
  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          /kubepods/burstable/pod2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11/ID                         | ID |                | 2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11 | burstable  |                                       |
          /kubepods/besteffort/pod2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11/ID                        | ID |                | 2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11 | besteffort |                                       |
          /kubepods/pod2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11/ID                                   | ID |                | 2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11 | guaranteed |                                       |
          /kubepods/burstable/podd3a1f3c5b7e94a4e9d1c2f6b8a7e5d40                                |    |                | d3a1f3c5b7e94a4e9d1c2f6b8a7e5d40     | burstable  |                                       |
          /kubepods/pod2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11/crio-ID                              | ID | cri-o          | 2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11 | guaranteed |                                       |
          /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod2f1e6d4c_8f0b_4b0e_9c55_0d5a0b6f1a11.slice/cri-containerd-ID.scope | ID | containerd | 2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11 | burstable | cri-containerd-ID.scope | kubepods-burstable-pod2f1e6d4c_8f0b_4b0e_9c55_0d5a0b6f1a11.slice
          /kubepods.slice/kubepods-pod2f1e6d4c_8f0b_4b0e_9c55_0d5a0b6f1a11.slice/crio-ID.scope   | ID | cri-o          | 2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11 | guaranteed | crio-ID.scope                         | kubepods-pod2f1e6d4c_8f0b_4b0e_9c55_0d5a0b6f1a11.slice
          /kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod2f1e6d4c_8f0b_4b0e_9c55_0d5a0b6f1a11.slice/docker-ID.scope | ID | docker | 2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11 | besteffort | docker-ID.scope | kubepods-besteffort-pod2f1e6d4c_8f0b_4b0e_9c55_0d5a0b6f1a11.slice
          /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podd3a1f3c5b7e94a4e9d1c2f6b8a7e5d40.slice/crio-conmon-ID.scope | | | d3a1f3c5b7e94a4e9d1c2f6b8a7e5d40 | burstable | crio-conmon-ID.scope | kubepods-burstable-podd3a1f3c5b7e94a4e9d1c2f6b8a7e5d40.slice
          /kubepods.slice/kubepods-burstable.slice                                               |    |                |                                      |            |                                       | kubepods-burstable.slice
          /system.slice/containerd.service/kubepods-besteffort-pod2f1e6d4c_8f0b_4b0e_9c55_0d5a0b6f1a11.slice:cri-containerd:ID | ID | containerd | 2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11 | besteffort | containerd.service | system.slice
          /docker/ID/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod2f1e6d4c_8f0b_4b0e_9c55_0d5a0b6f1a11.slice/cri-containerd-ID.scope | ID | containerd | 2f1e6d4c-8f0b-4b0e-9c55-0d5a0b6f1a11 | burstable | cri-containerd-ID.scope | kubelet-kubepods-burstable-pod2f1e6d4c_8f0b_4b0e_9c55_0d5a0b6f1a11.slice
          /docker/ID                                                                             | ID | docker         |                                      |            |                                       |
          /docker/ID/init                                                                        | ID | docker         |                                      |            |                                       |
          /system.slice/docker-ID.scope                                                          | ID | docker         |                                      |            | docker-ID.scope                       | system.slice
          /system.slice/docker-ID.scope/system.slice/nginx.service                               | ID | docker         |                                      |            | nginx.service                         | system.slice
          /system.slice/nerdctl-ID.scope                                                         | ID | containerd     |                                      |            | nerdctl-ID.scope                      | system.slice
          /ecs/7d0a3f6f2c6e4b5a9f1b1c0d7e8f9a0b/ID                                               | ID |                |                                      |            |                                       |
          /machine.slice/libpod-ID.scope/container                                               | ID | podman         |                                      |            | libpod-ID.scope                       | machine.slice
          /machine.slice/libpod-conmon-ID.scope                                                  |    |                |                                      |            | libpod-conmon-ID.scope                | machine.slice
          /libpod_parent/libpod-ID                                                               | ID | podman         |                                      |            |                                       |
          /user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container     | ID | podman         |                                      |            | libpod-ID.scope                       | user.slice
          /lxc/web1                                                                              | web1 | lxc          |                                      |            |                                       |
          /lxc.payload.web1/system.slice/ssh.service                                             | web1 | lxc          |                                      |            | ssh.service                           | system.slice
          /lxc.monitor.web1                                                                      |    |                |                                      |            |                                       |
          /machine.slice/systemd-nspawn@build.service/payload/init.scope                         | build | systemd-nspawn |                                   |            | init.scope                            | machine.slice
          /machine.slice/machine-build\\x2d1.scope                                               | build-1 | systemd-nspawn |                                 |            | machine-build\\x2d1.scope             | machine.slice
          /machine.slice/machine-qemu\\x2d1\\x2dvm.scope                                         |    |                |                                      |            | machine-qemu\\x2d1\\x2dvm.scope       | machine.slice
          /system.slice/nginx.service                                                            |    |                |                                      |            | nginx.service                         | system.slice
          /system.slice/system-getty.slice/getty@tty1.service                                    |    |                |                                      |            | getty@tty1.service                    | system-getty.slice
          /user.slice/user-1000.slice/session-3.scope                                            |    |                |                                      |            | session-3.scope                       | user-1000.slice
          /user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope | | |                           |            | vte-spawn-1.scope                     | app-org.gnome.Terminal.slice
          /init.scope                                                                            |    |                |                                      |            | init.scope                            |
          /build/job-17                                                                          |    |                |                                      |            |                                       |
          """)
  void realPaths(
      String path,
      String containerId,
      String runtime,
      String podUid,
      String qos,
      String unit,
      String slice) {
    assertThat(CgroupPath.parse(path.replace("ID", ID)))
        .isEqualTo(
            new CgroupPath(of(containerId), of(runtime), of(podUid), of(qos), of(unit), of(slice)));
  }

  private static Optional<String> of(String cell) {
    return Optional.ofNullable(cell).map(text -> text.replace("ID", ID));
  }

  @Property
  void bothOfTheKubeletsDriversSayTheSame(
      @ForAll("containerIds") String id,
      @ForAll("uids") String uid,
      @ForAll("classes") String qos) {
    String below = qos.equals("guaranteed") ? "" : qos + "/";
    String between = qos.equals("guaranteed") ? "" : "-" + qos;
    CgroupPath plain = CgroupPath.parse("/kubepods/" + below + "pod" + uid + "/" + id);
    CgroupPath systemd =
        CgroupPath.parse(
            "/kubepods.slice/kubepods%s.slice/kubepods%s-pod%s.slice/cri-containerd-%s.scope"
                .formatted(between, between, uid.replace('-', '_'), id));

    assertThat(plain.containerId()).contains(id).isEqualTo(systemd.containerId());
    assertThat(plain.podUid()).contains(uid).isEqualTo(systemd.podUid());
    assertThat(plain.qos()).contains(qos).isEqualTo(systemd.qos());
  }

  @Property
  void whateverIsBelowAContainerIsInIt(
      @ForAll("containerIds") String id, @ForAll("folders") String below) {
    assertThat(CgroupPath.parse("/docker/" + id + "/" + below).containerId()).contains(id);
  }

  @Property
  void everyPathIsReadWithoutAnError(@ForAll String path) {
    CgroupPath read = CgroupPath.parse(path);

    assertThat(read.qos().isPresent()).isEqualTo(read.podUid().isPresent());
  }

  @Provide
  Arbitrary<String> containerIds() {
    return Arbitraries.strings().withChars("0123456789abcdef").ofLength(64);
  }

  @Provide
  Arbitrary<String> uids() {
    Arbitrary<String> ofStaticPods =
        Arbitraries.strings().withChars("0123456789abcdef").ofLength(32);
    return Arbitraries.oneOf(Arbitraries.create(() -> UUID.randomUUID().toString()), ofStaticPods);
  }

  @Provide
  Arbitrary<String> classes() {
    return Arbitraries.of("guaranteed", "burstable", "besteffort");
  }

  @Provide
  Arbitrary<String> folders() {
    return Arbitraries.of("init", "system.slice", "a.service", "x-y_z", "tasks.d")
        .list()
        .ofMinSize(1)
        .ofMaxSize(4)
        .map(names -> String.join("/", names));
  }
}
