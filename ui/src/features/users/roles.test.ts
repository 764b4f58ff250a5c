import { describe, expect, it } from "vitest";
import type { Me } from "@/api/types";
import { notForUsers, rolesUpTo } from "./roles";

const me = (user: string | null, role: Me["role"]) => ({ user, role }) as Me;

describe("roles", () => {
  it("of tokens go up to one's own", () => expect(rolesUpTo("user").map(({ value }) => value)).toEqual(["viewer", "user"]));
  it("decide who looks after users", () => {
    expect(notForUsers(me("ada", "admin"))).toBeNull();
    expect(notForUsers(me("bob", "user"))).toBe("Only admins see and change users. You are bob, with the role user.");
    expect(notForUsers(me(null, null))).toContain("Nobody logs in");
  });
});
