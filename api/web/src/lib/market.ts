/** What the market's values are called. */
import { words } from "./words.svelte";

export const t = words({
  vi: {
    attestedAll: "Đủ thẩm định",
    attestedSome: "Chờ thẩm định",
    delisted: "Đã gỡ",
    frozen: "Đang tạm dừng",
    "importance.core": "Dữ liệu cốt lõi",
    "importance.important": "Dữ liệu quan trọng",
    "importance.other": "Dữ liệu khác",
    "importance.unclassified": "Chưa phân loại",
    "kind.1": "pháp lý",
    "kind.2": "an toàn",
    "kind.4": "chất lượng",
    "kind.8": "lưu giữ",
    "order.disputed": "đang tranh chấp",
    "order.none": "không có đơn",
    "order.open": "chờ xác nhận giao hàng",
    "order.refunded": "đã hoàn tiền",
    "order.settled": "đã thanh toán",
    "personal.consented": "Dữ liệu cá nhân, có đồng ý",
    "personal.deidentified": "Đã khử nhận dạng",
    "personal.none": "Không có dữ liệu cá nhân",
    "plan.closed": "đã đóng",
    "plan.open": "đang bán",
    "plan.reserved": "dành riêng",
    "right.1": "chuyển nhượng được",
    "right.2": "được tạo dữ liệu mới",
    "right.4": "gồm phiên bản mới",
    "right.8": "truyền trực tiếp",
    "right.16": "chỉ để nghiên cứu",
    "right.32": "phí nhà nước",
    "sharing.open": "Dữ liệu mở",
    "sharing.private": "Dữ liệu dùng riêng",
    "sharing.shared": "Dữ liệu dùng chung",
    "sharing.unstated": "Không nêu mức chia sẻ",
    "status.active": "có hiệu lực",
    "status.none": "không có",
    "status.refunded": "đã hoàn tiền",
    "status.revoked": "đã thu hồi",
    "subject.activities": "Hoạt động",
    "subject.items": "Đồ vật",
    "subject.locations": "Địa điểm",
    "subject.people": "Con người",
    "subject.unstated": "Không nêu đối tượng",
  },
  en: {
    attestedAll: "Reviewed",
    attestedSome: "Awaits review",
    delisted: "Delisted",
    frozen: "Frozen",
    "importance.core": "Core data",
    "importance.important": "Important data",
    "importance.other": "Other data",
    "importance.unclassified": "Unclassified",
    "kind.1": "legal",
    "kind.2": "security",
    "kind.4": "quality",
    "kind.8": "custody",
    "order.disputed": "disputed",
    "order.none": "no order",
    "order.open": "delivery to be confirmed",
    "order.refunded": "refunded",
    "order.settled": "settled",
    "personal.consented": "Personal data, with consent",
    "personal.deidentified": "De-identified",
    "personal.none": "No personal data",
    "plan.closed": "closed",
    "plan.open": "for sale",
    "plan.reserved": "reserved",
    "right.1": "transferable",
    "right.2": "may be derived from",
    "right.4": "includes new versions",
    "right.8": "streaming",
    "right.16": "for research only",
    "right.32": "state fee",
    "sharing.open": "Open data",
    "sharing.private": "Private data",
    "sharing.shared": "Shared data",
    "sharing.unstated": "Sharing not stated",
    "status.active": "in force",
    "status.none": "none",
    "status.refunded": "refunded",
    "status.revoked": "revoked",
    "subject.activities": "Activities",
    "subject.items": "Items",
    "subject.locations": "Locations",
    "subject.people": "People",
    "subject.unstated": "Subject not stated",
  },
});

type Word = Parameters<typeof t>[0];

/** The name of one value of an enum, such as ("importance", "core"); the value itself when it has none. */
export function named(kind: string, value: string): string {
  try {
    return t(`${kind}.${value.toLowerCase()}` as Word);
  } catch {
    return value;
  }
}

export function bits(kind: "kind" | "right", flags: number): string[] {
  return [1, 2, 4, 8, 16, 32].filter((bit) => (flags & bit) !== 0).map((bit) => named(kind, String(bit)));
}
