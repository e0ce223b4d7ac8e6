"""Skeletons of other systems by their joint names, as the systems write them, and the SMPL joint that each name means.

A skeleton is a trunk, two legs and two arms, each a chain of names from the top; NAME=JOINT is a joint of SMPL's (its
part, for limbs), a bare NAME is none and must not be taken for one. {S} stands for Left and Right, {w} for left and
right, {X} for L and R, {s} for l and r, {J} for 左 and 右. `more`: further bones, PARENT/NAME, for each side
where there is a {}.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_JAPANESE = {"left": "左", "right": "右"}


@dataclass(frozen=True)
class Names:
    trunk: str
    leg: str
    arm: str
    arms_at: str = ""
    more: str = ""

    def skeleton(self):
        """names, parents (J,), {SMPL joint: index}; the spine's joints, which the hierarchy gives, are left out."""
        names, parents, joints = [], [], {}

        def chain(text, above, side=""):
            for word in text.split():
                name, _, part = word.partition("=")
                name = name.replace("~", " ")
                names.append(name)
                parents.append(names.index(above) if above else -1)
                above = name
                if part:
                    joints[f"{side}_{part}" if side else part] = len(names) - 1

        def of(text, side):
            return text.format(S=side.capitalize(), w=side, X=side[0].upper(), s=side[0], J=_JAPANESE[side])

        chain(self.trunk, None)
        pelvis = names[joints["pelvis"]]
        chest = self.arms_at or names[min(joints.get("neck", joints["head"]), joints["head"]) - 1]
        for side in ("left", "right"):
            chain(of(self.leg, side), pelvis, side)
            chain(of(self.arm, side), chest, side)
        for word in self.more.split():
            for text in dict.fromkeys(of(word, side) for side in ("left", "right")):
                above, _, name = text.replace("~", " ").rpartition("/")
                chain(name.replace(" ", "~"), above)
        return tuple(names), np.array(parents), joints


SYSTEMS = {
    "mixamo": Names(
        "mixamorig:Hips=pelvis mixamorig:Spine mixamorig:Spine1 mixamorig:Spine2 mixamorig:Neck=neck"
        " mixamorig:Head=head mixamorig:HeadTop_End",
        "mixamorig:{S}UpLeg=hip mixamorig:{S}Leg=knee mixamorig:{S}Foot=ankle mixamorig:{S}ToeBase=foot"
        " mixamorig:{S}Toe_End",
        "mixamorig:{S}Shoulder=collar mixamorig:{S}Arm=shoulder mixamorig:{S}ForeArm=elbow mixamorig:{S}Hand=wrist"
        " mixamorig:{S}HandThumb1 mixamorig:{S}HandThumb2",
    ),
    "mixamo in blender": Names(
        "mixamorig1_Hips=pelvis mixamorig1_Spine mixamorig1_Neck=neck mixamorig1_Head=head",
        "mixamorig1_{S}UpLeg=hip mixamorig1_{S}Leg=knee mixamorig1_{S}Foot=ankle mixamorig1_{S}ToeBase=foot",
        "mixamorig1_{S}Shoulder=collar mixamorig1_{S}Arm=shoulder mixamorig1_{S}ForeArm=elbow"
        " mixamorig1_{S}Hand=wrist",
    ),
    "mixamo in three.js": Names(
        "mixamorigHips=pelvis mixamorigSpine mixamorigNeck=neck mixamorigHead=head",
        "mixamorig{S}UpLeg=hip mixamorig{S}Leg=knee mixamorig{S}Foot=ankle mixamorig{S}ToeBase=foot",
        "mixamorig{S}Shoulder=collar mixamorig{S}Arm=shoulder mixamorig{S}ForeArm=elbow mixamorig{S}Hand=wrist",
    ),
    "lafan1": Names(
        "Hips=pelvis Spine Spine1 Spine2 Neck=neck Head=head",
        "{S}UpLeg=hip {S}Leg=knee {S}Foot=ankle {S}Toe=foot",
        "{S}Shoulder=collar {S}Arm=shoulder {S}ForeArm=elbow {S}Hand=wrist",
    ),
    "cmu": Names(
        "Hips=pelvis LowerBack Spine Spine1 Neck=neck Neck1 Head=head",
        "{S}UpLeg=hip {S}Leg=knee {S}Foot=ankle {S}ToeBase=foot",
        "{S}Shoulder=collar {S}Arm=shoulder {S}ForeArm=elbow {S}Hand=wrist {S}FingerBase {S}HandIndex1",
        arms_at="Spine1",
        more="Hips/{X}HipJoint {S}Hand/{X}Thumb",
    ),
    "cgspeed": Names(
        "Hips=pelvis Chest Neck=neck Head=head",
        "{S}Hip=hip {S}Knee=knee {S}Ankle=ankle {S}Toe=foot",
        "{S}Collar=collar {S}Shoulder=shoulder {S}Elbow=elbow {S}Wrist=wrist",
    ),
    "asf": Names(
        "root=pelvis lowerback upperback thorax lowerneck=neck upperneck head=head",
        "{s}hipjoint {s}femur=hip {s}tibia=knee {s}foot=ankle {s}toes=foot",
        "{s}clavicle=collar {s}humerus=shoulder {s}radius=elbow {s}wrist=wrist {s}hand {s}fingers",
        arms_at="thorax",
        more="{s}wrist/{s}thumb",
    ),
    "biped": Names(
        "Bip01=pelvis Bip01~Pelvis Bip01~Spine Bip01~Spine1 Bip01~Neck=neck Bip01~Head=head Bip01~HeadNub",
        "Bip01~{X}~Thigh=hip Bip01~{X}~Calf=knee Bip01~{X}~Foot=ankle Bip01~{X}~Toe0=foot Bip01~{X}~Toe0Nub",
        "Bip01~{X}~Clavicle=collar Bip01~{X}~UpperArm=shoulder Bip01~{X}~Forearm=elbow Bip01~{X}~Hand=wrist"
        " Bip01~{X}~Finger0",
        more="Bip01~{X}~UpperArm/Bip01~{X}Up~ArmTwist Bip01~{X}~Thigh/Bip01~{X}~ThighTwist",
    ),
    "valve": Names(
        "ValveBiped.Bip01_Pelvis=pelvis ValveBiped.Bip01_Spine ValveBiped.Bip01_Neck1=neck ValveBiped.Bip01_Head1=head",
        "ValveBiped.Bip01_{X}_Thigh=hip ValveBiped.Bip01_{X}_Calf=knee ValveBiped.Bip01_{X}_Foot=ankle"
        " ValveBiped.Bip01_{X}_Toe0=foot",
        "ValveBiped.Bip01_{X}_Clavicle=collar ValveBiped.Bip01_{X}_UpperArm=shoulder"
        " ValveBiped.Bip01_{X}_Forearm=elbow ValveBiped.Bip01_{X}_Hand=wrist",
    ),
    "humanik": Names(
        "Character1_Reference Character1_Hips=pelvis Character1_Spine Character1_Neck=neck Character1_Head=head",
        "Character1_{S}UpLeg=hip Character1_{S}Leg=knee Character1_{S}Foot=ankle Character1_{S}ToeBase=foot",
        "Character1_{S}Shoulder=collar Character1_{S}Arm=shoulder Character1_{S}ForeArm=elbow"
        " Character1_{S}Hand=wrist",
        more="Character1_{S}Arm/Character1_{S}ArmRoll Character1_{S}UpLeg/Character1_{S}UpLegRoll",
    ),
    "unreal": Names(
        "root pelvis=pelvis spine_01 spine_02 spine_03 spine_04 spine_05 neck_01=neck neck_02 head=head",
        "thigh_{s}=hip calf_{s}=knee foot_{s}=ankle ball_{s}=foot",
        "clavicle_{s}=collar upperarm_{s}=shoulder lowerarm_{s}=elbow hand_{s}=wrist middle_metacarpal_{s}",
        more="thigh_{s}/thigh_twist_01_{s} calf_{s}/calf_twist_01_{s} upperarm_{s}/upperarm_twist_01_{s}"
        " lowerarm_{s}/lowerarm_twist_01_{s} root/ik_foot_root ik_foot_root/ik_foot_{s} root/ik_hand_root"
        " ik_hand_root/ik_hand_{s} hand_{s}/weapon_{s}",
    ),
    "unity": Names(
        "Hips=pelvis Spine Chest UpperChest Neck=neck Head=head Jaw",
        "{S}UpperLeg=hip {S}LowerLeg=knee {S}Foot=ankle {S}Toes=foot",
        "{S}Shoulder=collar {S}UpperArm=shoulder {S}LowerArm=elbow {S}Hand=wrist {S}IndexProximal",
        more="Head/{S}Eye",
    ),
    "vroid": Names(
        "Root J_Bip_C_Hips=pelvis J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_UpperChest J_Bip_C_Neck=neck J_Bip_C_Head=head",
        "J_Bip_{X}_UpperLeg=hip J_Bip_{X}_LowerLeg=knee J_Bip_{X}_Foot=ankle J_Bip_{X}_ToeBase=foot",
        "J_Bip_{X}_Shoulder=collar J_Bip_{X}_UpperArm=shoulder J_Bip_{X}_LowerArm=elbow J_Bip_{X}_Hand=wrist"
        " J_Bip_{X}_Index1",
        more="J_Bip_C_Head/J_Sec_Hair1_01 J_Bip_C_Chest/J_Sec_{X}_Bust1 J_Bip_{X}_UpperLeg/J_Sec_{X}_SkirtSide1",
    ),
    "rigify": Names(
        "DEF-spine=pelvis DEF-spine.001 DEF-spine.002 DEF-spine.003 DEF-neck=neck DEF-head=head",
        "DEF-thigh.{X}=hip DEF-thigh.{X}.001 DEF-shin.{X}=knee DEF-shin.{X}.001 DEF-foot.{X}=ankle DEF-toe.{X}=foot",
        "DEF-shoulder.{X}=collar DEF-upper_arm.{X}=shoulder DEF-upper_arm.{X}.001 DEF-forearm.{X}=elbow"
        " DEF-forearm.{X}.001 DEF-hand.{X}=wrist DEF-f_index.01.{X}",
        more="DEF-spine/MCH-foot_ik.{X} DEF-spine/thigh_ik_target.{X} DEF-spine/DEF-pelvis.{X}"
        " DEF-spine.003/DEF-breast.{X}",
    ),
    "blender metarig": Names(
        "spine=pelvis spine.001 spine.002 spine.003 neck=neck head=head",
        "thigh.{X}=hip shin.{X}=knee foot.{X}=ankle toe.{X}=foot",
        "shoulder.{X}=collar upper_arm.{X}=shoulder forearm.{X}=elbow hand.{X}=wrist palm.01.{X}",
        more="foot.{X}/heel.02.{X}",
    ),
    "auto-rig pro": Names(
        "root.x=pelvis spine_01.x spine_02.x neck.x=neck head.x=head",
        "thigh_stretch.{s}=hip leg_stretch.{s}=knee foot.{s}=ankle toes_01.{s}=foot",
        "shoulder.{s}=collar arm_stretch.{s}=shoulder forearm_stretch.{s}=elbow hand.{s}=wrist",
        more="thigh_stretch.{s}/thigh_twist.{s} arm_stretch.{s}/arm_twist.{s}",
    ),
    "makehuman": Names(
        "root=pelvis spine05 spine04 spine03 spine02 spine01 neck01=neck neck02 neck03 head=head",
        "pelvis.{X} upperleg01.{X}=hip upperleg02.{X} lowerleg01.{X}=knee lowerleg02.{X} foot.{X}=ankle toe1-1.{X}=foot"
        " toe1-2.{X}",
        "clavicle.{X}=collar shoulder01.{X} upperarm01.{X}=shoulder upperarm02.{X} lowerarm01.{X}=elbow lowerarm02.{X}"
        " wrist.{X}=wrist metacarpal1.{X}",
    ),
    "daz genesis 8": Names(
        "hip=pelvis abdomenLower abdomenUpper chestLower chestUpper neckLower=neck neckUpper head=head",
        "{s}ThighBend=hip {s}ThighTwist {s}Shin=knee {s}Foot=ankle {s}Metatarsals {s}Toe=foot {s}BigToe",
        "{s}Collar=collar {s}ShldrBend=shoulder {s}ShldrTwist {s}ForearmBend=elbow {s}ForearmTwist {s}Hand=wrist"
        " {s}Thumb1",
        more="chestUpper/{s}Pectoral",
    ),
    "daz genesis 9": Names(
        "hip=pelvis spine1 spine2 spine3 spine4 neck1=neck neck2 head=head",
        "{s}_thigh=hip {s}_thightwist1 {s}_shin=knee {s}_foot=ankle {s}_metatarsal {s}_toes=foot",
        "{s}_shoulder=collar {s}_upperarm=shoulder {s}_upperarmtwist1 {s}_forearm=elbow {s}_forearmtwist1"
        " {s}_hand=wrist",
    ),
    "poser": Names(
        "hip=pelvis abdomen chest neck=neck head=head",
        "{s}Buttock {s}Thigh=hip {s}Shin=knee {s}Foot=ankle {s}Toe=foot",
        "{s}Collar=collar {s}Shldr=shoulder {s}ForeArm=elbow {s}Hand=wrist {s}Thumb1",
    ),
    "character creator": Names(
        "CC_Base_BoneRoot CC_Base_Hip=pelvis CC_Base_Waist CC_Base_Spine01 CC_Base_Spine02 CC_Base_NeckTwist01=neck"
        " CC_Base_NeckTwist02 CC_Base_Head=head",
        "CC_Base_{X}_Thigh=hip CC_Base_{X}_Calf=knee CC_Base_{X}_Foot=ankle CC_Base_{X}_ToeBase=foot",
        "CC_Base_{X}_Clavicle=collar CC_Base_{X}_Upperarm=shoulder CC_Base_{X}_Forearm=elbow CC_Base_{X}_Hand=wrist",
        more="CC_Base_{X}_Thigh/CC_Base_{X}_ThighTwist01 CC_Base_{X}_Upperarm/CC_Base_{X}_UpperarmTwist01"
        " CC_Base_{X}_Calf/CC_Base_{X}_KneeShareBone CC_Base_{X}_ToeBase/CC_Base_{X}_BigToe1",
    ),
    "rokoko": Names(
        "Hips=pelvis Spine1 Spine2 Spine3 Spine4 Neck=neck Head=head",
        "{S}Thigh=hip {S}Shin=knee {S}Foot=ankle {S}Toe=foot {S}ToeTip",
        "{S}Shoulder=collar {S}Arm=shoulder {S}ForeArm=elbow {S}Hand=wrist {S}Finger1Metacarpal",
    ),
    "xsens": Names(
        "Pelvis=pelvis L5 L3 T12 T8 Neck=neck Head=head",
        "{S}UpperLeg=hip {S}LowerLeg=knee {S}Foot=ankle {S}Toe=foot",
        "{S}Shoulder=collar {S}UpperArm=shoulder {S}ForeArm=elbow {S}Hand=wrist",
    ),
    "optitrack": Names(
        "Skeleton~1_Hip=pelvis Skeleton~1_Ab Skeleton~1_Chest Skeleton~1_Neck=neck Skeleton~1_Head=head",
        "Skeleton~1_{X}Thigh=hip Skeleton~1_{X}Shin=knee Skeleton~1_{X}Foot=ankle Skeleton~1_{X}Toe=foot",
        "Skeleton~1_{X}Shoulder=collar Skeleton~1_{X}UArm=shoulder Skeleton~1_{X}FArm=elbow Skeleton~1_{X}Hand=wrist"
        " Skeleton~1_{X}Thumb1",
    ),
    "bandai-namco": Names(
        "joint_Root Hips=pelvis Spine Chest Neck=neck Head=head",
        "UpperLeg_{X}=hip LowerLeg_{X}=knee Foot_{X}=ankle Toes_{X}=foot",
        "Shoulder_{X}=collar UpperArm_{X}=shoulder LowerArm_{X}=elbow Hand_{X}=wrist",
    ),
    "smpl in maya": Names(
        "m_avg_root m_avg_Pelvis=pelvis m_avg_Spine1 m_avg_Spine2 m_avg_Spine3 m_avg_Neck=neck m_avg_Head=head",
        "m_avg_{X}_Hip=hip m_avg_{X}_Knee=knee m_avg_{X}_Ankle=ankle m_avg_{X}_Foot=foot",
        "m_avg_{X}_Collar=collar m_avg_{X}_Shoulder=shoulder m_avg_{X}_Elbow=elbow m_avg_{X}_Wrist=wrist"
        " m_avg_{X}_Hand",
    ),
    "smplx": Names(
        "root pelvis=pelvis spine1 spine2 spine3 neck=neck head=head jaw",
        "{w}_hip=hip {w}_knee=knee {w}_ankle=ankle {w}_foot=foot",
        "{w}_collar=collar {w}_shoulder=shoulder {w}_elbow=elbow {w}_wrist=wrist {w}_index1 {w}_index2",
        more="head/{w}_eye_smplhf",
    ),
    "advanced skeleton": Names(
        "Root_M=pelvis Spine1_M Chest_M Neck_M=neck Head_M=head HeadEnd_M",
        "Hip_{X}=hip Knee_{X}=knee Ankle_{X}=ankle Toes_{X}=foot ToesEnd_{X}",
        "Scapula_{X}=collar Shoulder_{X}=shoulder Elbow_{X}=elbow Wrist_{X}=wrist MiddleFinger1_{X}",
        more="Shoulder_{X}/ShoulderPart1_{X} Hip_{X}/HipPart1_{X}",
    ),
    "arkit": Names(
        "root hips_joint=pelvis spine_1_joint spine_2_joint spine_7_joint neck_1_joint=neck neck_2_joint"
        " head_joint=head",
        "{w}_upLeg_joint=hip {w}_leg_joint=knee {w}_foot_joint=ankle {w}_toes_joint=foot {w}_toesEnd_joint",
        "{w}_shoulder_1_joint=collar {w}_arm_joint=shoulder {w}_forearm_joint=elbow {w}_hand_joint=wrist"
        " {w}_handThumbStart_joint",
    ),
    "deepmotion": Names(
        "hips_JNT=pelvis spine_JNT spine1_JNT neck_JNT=neck head_JNT=head",
        "{s}_upleg_JNT=hip {s}_leg_JNT=knee {s}_foot_JNT=ankle {s}_toebase_JNT=foot",
        "{s}_shoulder_JNT=collar {s}_arm_JNT=shoulder {s}_forearm_JNT=elbow {s}_hand_JNT=wrist {s}_handIndex1_JNT",
    ),
    "kinect": Names(
        "SpineBase=pelvis SpineMid SpineShoulder Neck=neck Head=head",
        "Hip{S}=hip Knee{S}=knee Ankle{S}=ankle Foot{S}=foot",
        "Shoulder{S}=shoulder Elbow{S}=elbow Wrist{S}=wrist Hand{S} HandTip{S}",
    ),
    "side letter without a separator": Names(
        "root=pelvis back chest neck=neck head=head",
        "{s}hip=hip {s}knee=knee {s}ankle=ankle {s}toe=foot",
        "{s}collar=collar {s}shoulder=shoulder {s}elbow=elbow {s}wrist=wrist",
    ),
    "mmd": Names(
        "センター=pelvis 上半身 上半身2 首=neck 頭=head",
        "{J}足=hip {J}ひざ=knee {J}足首=ankle {J}つま先=foot",
        "{J}肩=collar {J}腕=shoulder {J}ひじ=elbow {J}手首=wrist",
        more="センター/{J}足ＩＫ {J}腕/{J}腕捩",
    ),
    "mmd in english": Names(
        "center=pelvis upper_body neck=neck head=head",
        "leg_{X}=hip knee_{X}=knee ankle_{X}=ankle toe_{X}=foot",
        "shoulder_{X}=collar arm_{X}=shoulder elbow_{X}=elbow wrist_{X}=wrist thumb1_{X}",
        more="center/leg_IK_{X}",
    ),
    "thigh and shin in one word": Names(
        "bip=pelvis body neck=neck head=head",
        "Leg1_{X}=hip Leg2_{X}=knee Foot_{X}=ankle",
        "UpperArm_{X}=shoulder Arm_{X}=elbow Hand_{X}=wrist",
    ),
    "b_": Names(
        "b_root=pelvis b_spine0 b_spine1 b_neck0=neck b_head=head b_head_null",
        "b_{s}_upleg=hip b_{s}_leg=knee b_{s}_foot=ankle b_{s}_toe=foot",
        "b_{s}_shoulder=collar b_{s}_arm=shoulder b_{s}_forearm=elbow b_{s}_hand=wrist",
        more="b_{s}_arm/p_{s}_scap b_{s}_arm/b_{s}_arm_twist",
    ),
}  # fmt: skip
