package io.bianque.agent.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostIdentityTest {
  private static final String UUID_A = "4c4c4544-0051-3410-8052-b7c04f593633";
  private static final String UUID_B = "4c4c4544-0051-3410-8052-b7c04f593634";

  @TempDir Path folder;
  private HostRoot host;
  private Path state;

  @BeforeEach
  void aHostWithHardware() throws IOException {
    host = new HostRoot(folder.resolve("root"));
    state = folder.resolve("state/agent");
    put("proc/sys/kernel/random/boot_id", "d0736fca-850d-4ece-97da-55d571897cd5");
    put("sys/class/dmi/id/product_uuid", UUID_A);
    put("etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4");
    device("eth0", "52:54:00:12:34:56");
  }

  @Test
  void isMadeOnceAndFoundAtEveryLaterStart() {
    HostIdentity first = load();
    HostIdentity second = load();

    assertThat(UUID.fromString(first.hostId()).version()).isEqualTo(4);
    assertThat(first.remarks())
        .singleElement()
        .asString()
        .contains("new host id", "state/agent/host-id");
    assertThat(second.hostId()).isEqualTo(first.hostId());
    assertThat(second.remarks()).isEmpty();
    assertThat(second.bootId()).isEqualTo("d0736fca-850d-4ece-97da-55d571897cd5");
  }

  @Test
  void isStableOverAReboot() throws IOException {
    String before = load().hostId();
    put("proc/sys/kernel/random/boot_id", "00000000-850d-4ece-97da-55d571897cd5");

    assertThat(load().hostId()).isEqualTo(before);
    assertThat(load().bootId()).startsWith("00000000");
  }

  @Test
  void twoHostsOfOneGoldenImageDiffer() throws IOException {
    String one = load().hostId();
    put("sys/class/dmi/id/product_uuid", UUID_B);

    HostIdentity copy = load();

    assertThat(copy.hostId()).isNotEqualTo(one);
    assertThat(copy.remarks())
        .anySatisfy(
            remark -> assertThat(remark).contains("another machine", "DMI product UUID", one));
    assertThat(load().hostId()).isEqualTo(copy.hostId());
  }

  @Test
  void aCopyWithoutDmiIsKnownByItsHardwareAddresses() throws IOException {
    Files.delete(host.path("sys/class/dmi/id/product_uuid"));
    String one = load().hostId();
    device("eth0", "52:54:00:99:99:99");

    assertThat(load().remarks()).anySatisfy(r -> assertThat(r).contains("hardware addresses"));
    assertThat(load().hostId()).isNotEqualTo(one);
  }

  @Test
  void aCopyThatOnlyGotAMachineIdOfItsOwnIsKnown() throws IOException {
    String one = load().hostId();
    put("etc/machine-id", "00000000000000000000000000000001");

    assertThat(load().hostId()).isNotEqualTo(one);
  }

  @Test
  void networkCardsMayComeAndGo() throws IOException {
    String before = load().hostId();
    device("eth1", "52:54:00:00:00:77");
    assertThat(load().hostId()).isEqualTo(before);

    device("eth0", "52:54:00:00:00:88");
    assertThat(load().hostId()).isEqualTo(before);

    // Both of the first start's are gone now, but not both of the last start's.
    device("eth1", "52:54:00:00:00:99");
    assertThat(load().hostId()).isEqualTo(before);
  }

  @Test
  void addressesThatAreNotTheHardwaresDoNotCount() throws IOException {
    String before = load().hostId();
    put("sys/class/net/docker0/address", "02:42:11:22:33:44");
    put("sys/class/net/docker0/addr_assign_type", "3");
    Files.delete(host.path("sys/class/net/eth0/device"));

    assertThat(load().hostId()).isEqualTo(before);
  }

  @Test
  void marksThatCannotBeReadShowNothing() throws IOException {
    String before = load().hostId();
    Files.delete(host.path("sys/class/dmi/id/product_uuid"));
    Files.delete(host.path("etc/machine-id"));

    assertThat(load().hostId()).isEqualTo(before);
  }

  @Test
  void uuidsThatCarelessMakersShareShowNothing() throws IOException {
    put("sys/class/dmi/id/product_uuid", "03000200-0400-0500-0006-000700080009");
    String before = load().hostId();
    put("sys/class/dmi/id/product_uuid", "00000000-0000-0000-0000-000000000000");

    assertThat(load().hostId()).isEqualTo(before);
  }

  @Test
  void saysWhenACopyWouldGoUnnoticed() throws IOException {
    Files.delete(host.path("sys/class/dmi/id/product_uuid"));
    Files.delete(host.path("sys/class/net/eth0/device"));

    assertThat(load().remarks()).anySatisfy(r -> assertThat(r).contains("same host id"));
    assertThat(load().remarks()).hasSize(1);
  }

  @Test
  void aFileThatHoldsNoIdIsReplacedAndSaid() throws IOException {
    Files.createDirectories(state);
    Files.writeString(state.resolve("host-id"), "host_id=\\u00\n");

    assertThat(load().remarks())
        .anySatisfy(r -> assertThat(r).contains("holds no host id"))
        .anySatisfy(r -> assertThat(r).contains("new host id"));
    assertThat(load().remarks()).isEmpty();
  }

  @Test
  void theHardwaresOwnNumbersAreNotInTheFile() throws IOException {
    load();
    Path file = state.resolve("host-id");

    assertThat(Files.readString(file)).doesNotContain(UUID_A, "52:54", "3d1219c7");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
  }

  @Test
  void aStateFolderThatCannotBeMadeIsNamed() throws IOException {
    Files.writeString(folder.resolve("file"), "");

    assertThatThrownBy(() -> HostIdentity.load(host, folder.resolve("file/state")))
        .isInstanceOf(HostException.class)
        .hasMessageContaining("file/state/host-id")
        .hasMessageContaining("must be writable");
  }

  @Test
  void readsThisMachine() throws IOException {
    HostIdentity here = HostIdentity.load(HostRoot.SYSTEM, state);

    assertThat(here.bootId())
        .isEqualTo(Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip());
    assertThat(HostIdentity.load(HostRoot.SYSTEM, state).hostId()).isEqualTo(here.hostId());
  }

  private HostIdentity load() {
    return HostIdentity.load(host, state);
  }

  private void device(String name, String address) throws IOException {
    put("sys/class/net/" + name + "/address", address);
    put("sys/class/net/" + name + "/addr_assign_type", "0");
    put("sys/class/net/" + name + "/device", "");
  }

  private void put(String file, String text) throws IOException {
    Path path = host.path(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text + "\n");
  }
}
