// What is asked of the node about users; what it refuses is told.
import { notifications } from "@mantine/notifications";
import { api, ApiError, q, qc } from "@/api/client";
import type { NewUser, UserChange, UserMade } from "@/api/types";

const at = (name: string) => `/users/${encodeURIComponent(name)}`;

async function again<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } finally {
    void qc.invalidateQueries({ queryKey: q.users.queryKey });
    void qc.invalidateQueries({ queryKey: q.tokens.queryKey });
  }
}

export const addUser = (user: NewUser) => again(api<UserMade>("/users", { method: "POST", json: user }));
export const changeUser = (name: string, change: UserChange) => again(api<UserMade>(at(name), { method: "PATCH", json: change }));
export const removeUser = (name: string) => again(api<void>(at(name), { method: "DELETE" }));

/** Does something that has no form to tell of its failure in. */
export async function told<T>(what: string, asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    const { message, requestId } = error as ApiError;
    notifications.show({ color: "red", title: `${what}: not done`, message: requestId ? `${message} · request ${requestId}` : message, autoClose: 15_000 });
    return null;
  }
}
