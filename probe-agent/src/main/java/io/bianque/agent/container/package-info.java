/**
 * What each cgroup of the host is: container, pod, systemd unit or slice. {@link
 * io.bianque.agent.container.ContainerFollower} looks at the hierarchies again and again and, where
 * the kernel tells of a new cgroup, at that one at once; {@link
 * io.bianque.agent.container.ContainerWatch} says what came, what went and what became known.
 *
 * <p>It reads files, and asks no runtime: whatever of them is missing or broken makes a record
 * poorer, and never keeps another from being made.
 */
package io.bianque.agent.container;
